"""Grades of laboratory values (``data/rules/lab_grades.csv``, ``gfap_limits.csv``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from clams_dash.clinical import rule_files
from clams_dash.clinical.rule_files import RULES_DIR
from clams_dash.model import catalogues
from clams_dash.model.records import LabResult

GRADES_FILE = RULES_DIR / "lab_grades.csv"
GFAP_FILE = RULES_DIR / "gfap_limits.csv"

Severity = Literal["ok", "watch", "alert", "not_assessable"]
_SEVERITIES: tuple[Severity, ...] = ("ok", "watch", "alert")


@dataclass(frozen=True, slots=True)
class Limits:
    """Reference limits of one result and whose they are; None = no limit on that side."""

    lower: float | None
    upper: float | None
    origin: Literal["laboratory", "catalogue"]

    def outside(self, value: float) -> bool:
        """Whether a value lies below the lower or above the upper limit; False without limits."""
        return (self.lower is not None and value < self.lower) or (self.upper is not None and value > self.upper)


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade of one value: its name, how much it matters, and the rule it comes from."""

    grade: str
    severity: Severity
    origin: str


@dataclass(frozen=True, slots=True)
class GradeRule:
    """One row of the grades: the first row of an analyte that applies gives its grade."""

    analyte: str
    grade: str
    operator: str
    limit: float
    basis: str
    drug_class: str | None
    severity: Severity
    origin: str

    def applies(self, value: float, limits: Limits, drug_classes: frozenset[str]) -> bool:
        """Whether the row gives the grade of ``value``; a row about a missing limit does not."""
        if self.drug_class is not None and self.drug_class not in drug_classes:
            return False
        reference = {"value": 1.0, "lln": limits.lower, "uln": limits.upper}[self.basis]
        if reference is None:
            return False
        bound = self.limit * reference
        return {
            "<": value < bound,
            "<=": value <= bound,
            ">": value > bound,
            ">=": value >= bound,
        }[self.operator]


def limits_of(result: LabResult) -> Limits:
    """The laboratory's own limits where it gave any, a side it left out from the catalogue, as is all without any."""
    analyte = catalogues.analytes()[result.analyte]
    given = result.lower_limit is not None or result.upper_limit is not None
    return Limits(
        lower=analyte.lower_limit if result.lower_limit is None else result.lower_limit,
        upper=analyte.upper_limit if result.upper_limit is None else result.upper_limit,
        origin="laboratory" if given else "catalogue",
    )


def grade(result: LabResult, drug_classes: frozenset[str]) -> Grade:
    """Grade of a result by its analyte's rows, else by its limits; ``no limit`` is not assessable, never normal."""
    limits = limits_of(result)
    rows = grade_rules().get(result.analyte, ())
    for rule in rows:
        if rule.applies(result.value, limits, drug_classes):
            return Grade(rule.grade, rule.severity, rule.origin)
    if limits.lower is not None and result.value < limits.lower:
        return Grade("low", "watch", f"{limits.origin} limit {limits.lower:g}")
    if limits.upper is not None and result.value > limits.upper:
        return Grade("high", "watch", f"{limits.origin} limit {limits.upper:g}")
    if limits.lower is None and limits.upper is None:
        return Grade("no limit known", "not_assessable", "no reference limit")
    return Grade("within limits", "ok", f"{limits.origin} limits")


@dataclass(frozen=True, slots=True)
class GfapLimit:
    """Upper limit of GFAP (pg/mL) and where it comes from."""

    upper: float
    source: str


def gfap_upper_limit(age: float, assay: str | None) -> GfapLimit | None:
    """Upper limit of GFAP at an age (years) on the platform named in ``assay``; None when there is none.

    Platforms differ too much for the limit of one to be used for another.
    """
    wanted = (assay or "").lower()
    for platform, low, high, limit in _gfap_limits():
        if platform.lower() in wanted and low <= age and (high is None or age < high):
            return limit
    return None


def load_grades(path: Path) -> dict[str, tuple[GradeRule, ...]]:
    """Read the grades by analyte, in the order of the file. Raises FactsError naming file, row and column."""
    classes = {dmt.drug_class for dmt in catalogues.dmts().values()}
    found: dict[str, list[GradeRule]] = {}
    for row in rule_files.rows(path):
        limit = row.number_in("limit")
        if limit is None:
            raise row.fault("limit", "is needed")
        drug_class = row.text("drug_class")
        if drug_class:
            row.one_of("drug_class", tuple(classes))
        severity = row.one_of("severity", _SEVERITIES)
        rule = GradeRule(
            analyte=row.one_of("analyte", tuple(catalogues.analytes())),
            grade=row.text("grade"),
            operator=row.one_of("operator", ("<", "<=", ">", ">=")),
            limit=limit,
            basis=row.one_of("basis", ("value", "lln", "uln")),
            drug_class=drug_class or None,
            severity=next(one for one in _SEVERITIES if one == severity),
            origin=f"{path.name} row {row.number}: {row.text('source')}",
        )
        found.setdefault(rule.analyte, []).append(rule)
    return {analyte: tuple(rules) for analyte, rules in found.items()}


@lru_cache(maxsize=1)
def grade_rules() -> dict[str, tuple[GradeRule, ...]]:
    """The project's grades."""
    return load_grades(GRADES_FILE)


@lru_cache(maxsize=1)
def _gfap_limits() -> tuple[tuple[str, float, float | None, GfapLimit], ...]:
    limits = []
    for row in rule_files.rows(GFAP_FILE):
        low, upper = row.number_in("age_from"), row.number_in("upper_pg_ml")
        if low is None or upper is None:
            raise row.fault("upper_pg_ml", "and age_from are needed")
        source = f"{GFAP_FILE.name} row {row.number}: {row.text('source')}"
        limits.append((row.text("assay"), low, row.number_in("age_below"), GfapLimit(upper, source)))
    return tuple(limits)
