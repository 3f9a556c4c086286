"""What in a record shows that a test was done, and the numbers a threshold is applied to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from clams_dash.clinical.labs.grades import limits_of
from clams_dash.clinical.person import facts_of, number_of
from clams_dash.clinical.safety.rules import Test
from clams_dash.model import catalogues
from clams_dash.model.records import Case, LabResult, Source


@dataclass(frozen=True, slots=True)
class Done:
    """A day on which a test was done, and the row that shows it."""

    date: date
    source: Source


@dataclass(frozen=True, slots=True)
class Measured:
    """One number: an analyte's result or a fact's value. Limits are the laboratory's, else the catalogue's."""

    date: date
    value: float
    unit: str
    lower: float | None
    upper: float | None
    source: Source


def times_done(case: Case, test: Test, day: date) -> tuple[Done, ...]:
    """Every day up to ``day`` on which the record shows the test, ascending. One analyte of it is enough."""
    labs = [Done(lab.date, lab.source) for lab in case.labs if lab.analyte in test.analytes]
    facts = [Done(fact.date, fact.source) for fact in facts_of(case, *test.fact_kinds) if fact.value]
    scans = [
        Done(scan.date, scan.source)
        for scan in case.scans
        if test.scan_region is not None and scan.region == test.scan_region
    ]
    return tuple(sorted((done for done in (*labs, *facts, *scans) if done.date <= day), key=lambda done: done.date))


def measured(case: Case, quantity: str, day: date) -> tuple[Measured, ...]:
    """Every number of an analyte or a kind of fact up to ``day``, ascending."""
    if quantity in catalogues.analytes():
        return tuple(_of_lab(lab) for lab in case.labs if lab.analyte == quantity and lab.date <= day)
    numbers = [(fact, number_of(fact)) for fact in facts_of(case, quantity) if fact.date <= day]
    return tuple(
        Measured(fact.date, value, fact.unit or "", None, None, fact.source)
        for fact, value in numbers
        if value is not None
    )


def _of_lab(lab: LabResult) -> Measured:
    limits = limits_of(lab)
    return Measured(lab.date, lab.value, lab.unit, limits.lower, limits.upper, lab.source)


def quantity_label(quantity: str) -> str:
    """Name of an analyte or kind of fact for the reader."""
    analyte = catalogues.analytes().get(quantity)
    return analyte.label if analyte else catalogues.labels("fact_kinds")[quantity]


def shown(item: Measured, quantity: str) -> str:
    """A number with its unit and date, rounded as the catalogue says."""
    analyte = catalogues.analytes().get(quantity)
    digits = f"{item.value:.{analyte.decimals}f}" if analyte else f"{item.value:g}"
    unit = "" if item.unit in ("", "index") else f" {item.unit}"
    return f"{quantity_label(quantity)} {digits}{unit} on {item.date.isoformat()}"
