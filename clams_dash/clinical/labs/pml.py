"""JCV antibody strata and the risk of PML on natalizumab (``data/rules/jcv_strata.csv``, ``pml_risk.csv``).

Risk per 1,000 by 4-weekly natalizumab, time on it, index and earlier immunosuppression: Ho 2017 and EMA 2016 as in
clinical.md 3.3. The index says nothing after earlier immunosuppression. A negative or low index that is older than
its retest interval is not taken as negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from clams_dash.clinical import rule_files
from clams_dash.clinical.person import Exposure, exposures, latest_fact, yes_or_no
from clams_dash.clinical.rule_files import DAYS_PER_MONTH, RULES_DIR
from clams_dash.clinical.safety_settings import safety_settings
from clams_dash.errors import FactsError
from clams_dash.model.records import Case, Source

STRATA_FILE = RULES_DIR / "jcv_strata.csv"
RISK_FILE = RULES_DIR / "pml_risk.csv"

NATALIZUMAB = "natalizumab"
NEGATIVE = "negative"
INDETERMINATE = "indeterminate"
POSITIVE = ("low", "middle", "high")
NO_INDEX = "no_index"
PRIOR = "prior_immunosuppression"


@dataclass(frozen=True, slots=True)
class Stratum:
    """A band of the JCV antibody index: above ``above`` up to and including ``up_to`` (None = open)."""

    stratum: str
    label: str
    above: float | None
    up_to: float | None


@dataclass(frozen=True, slots=True)
class PmlTable:
    """Risk per 1,000 by stratum, for months ``(first, last)`` on natalizumab, both inclusive."""

    strata: tuple[Stratum, ...]
    risks: dict[str, tuple[tuple[int, int, float], ...]]

    def stratum(self, index: float) -> Stratum:
        """Band of a JCV index. The negative band ends below its limit, all others include theirs."""
        negative = self.strata[0]
        if negative.up_to is not None and index < negative.up_to:
            return negative
        return next(band for band in self.strata[1:] if band.up_to is None or index <= band.up_to)

    def per_1000(self, stratum: str, month: int) -> float | None:
        """Risk of PML per 1,000 people in the ``month``-th month of natalizumab; None outside the table."""
        return next((risk for first, last, risk in self.risks[stratum] if first <= month <= last), None)


@dataclass(frozen=True, slots=True)
class PmlRisk:
    """Where a person stands. ``per_1000`` and ``high_risk`` are None when the record does not allow an answer.

    ``stratum`` is the column of the table used; ``months`` the month of exposure (1 = the first); ``retest_due``
    means that the index is too old to be taken for what it was.
    """

    stratum: str | None
    index: float | None
    index_date: date | None
    retest_due: bool
    prior_immunosuppression: bool | None
    months: int
    extended_interval: bool | None
    per_1000: float | None
    high_risk: bool | None
    reason: str
    sources: tuple[Source, ...]


def load_table(strata_path: Path, risk_path: Path) -> PmlTable:
    """Read both files. Raises FactsError naming file, row and column."""
    strata = tuple(
        Stratum(row.text("stratum"), row.text("label"), row.number_in("above"), row.number_in("up_to"))
        for row in rule_files.rows(strata_path)
    )
    edges = [band.up_to for band in strata[:-1]]
    if None in edges or strata[-1].up_to is not None or edges != sorted(edge for edge in edges if edge is not None):
        raise FactsError(f"{strata_path}: the bands have to ascend, the last one without column up_to")
    risks: dict[str, list[tuple[int, int, float]]] = {}
    columns = (NEGATIVE, *POSITIVE, NO_INDEX, PRIOR)
    for row in rule_files.rows(risk_path):
        first, last, risk = (row.number_in(column) for column in ("months_from", "months_to", "per_1000"))
        if first is None or last is None or risk is None:
            raise row.fault("per_1000", "and both months are needed")
        risks.setdefault(row.one_of("stratum", columns), []).append((int(first), int(last), risk))
    missing = [column for column in columns if column not in risks]
    if missing:
        raise FactsError(f"{risk_path}: no rows for {', '.join(missing)}")
    return PmlTable(strata, {stratum: tuple(sorted(cells)) for stratum, cells in risks.items()})


@lru_cache(maxsize=1)
def pml_table() -> PmlTable:
    """The project's strata and risks."""
    return load_table(STRATA_FILE, RISK_FILE)


@dataclass(frozen=True, slots=True)
class Serology:
    """What the newest JCV result says. ``retest_due``: negative or low, and too old to be taken for granted.

    ``index`` is None for an antibody result without one.
    """

    stratum: str
    label: str
    index: float | None
    date: date
    retest_due: bool
    source: Source

    @property
    def words(self) -> str:
        """The result for the reader."""
        value = "antibody" if self.index is None else f"index {self.index:.2f}"
        return f"JCV {value} on {self.date.isoformat()} ({self.label})"


def serology(case: Case, day: date) -> Serology | None:
    """The newest JCV index, or antibody result without an index, known on ``day``."""
    settings = safety_settings().pml
    index = next((lab for lab in reversed(case.labs) if lab.analyte == "jcv_index" and lab.date <= day), None)
    antibody = latest_fact(case, "jcv_antibody", day)
    positive = yes_or_no(antibody)
    if index is not None and (antibody is None or positive is None or index.date >= antibody.date):
        band = pml_table().stratum(index.value)
        low = index.value <= settings.retest_at_or_below
        return Serology(band.stratum, band.label, index.value, index.date, low and _old(index.date, day), index.source)
    if antibody is None or positive is None:
        return None
    stratum, label = (NO_INDEX, "positive, no index") if positive else (NEGATIVE, NEGATIVE)
    return Serology(stratum, label, None, antibody.date, not positive and _old(antibody.date, day), antibody.source)


def _old(measured: date, day: date) -> bool:
    return (day - measured).days > safety_settings().pml.retest_days


def on_natalizumab(case: Case, day: date) -> Exposure | None:
    """The exposure to natalizumab that covers ``day``."""
    running = [one for one in exposures(case, day) if one.dmt == NATALIZUMAB and (one.stop is None or day < one.stop)]
    return running[-1] if running else None


def natalizumab_months(case: Case, day: date) -> int:
    """The month of natalizumab a person is in on ``day``, all exposures added up; 0 when never exposed."""
    days = [one.days for one in exposures(case, day) if one.dmt == NATALIZUMAB]
    return int(sum(days) / DAYS_PER_MONTH) + 1 if days else 0


def assess(case: Case, day: date, months: int | None = None) -> PmlRisk:
    """Risk of PML on natalizumab on ``day``.

    ``months``: month of natalizumab to look at instead of the one reached, for someone who might start (1 = first).
    """
    found = serology(case, day)
    prior_fact = latest_fact(case, "prior_immunosuppression", day)
    prior = yes_or_no(prior_fact)
    month = months if months is not None else natalizumab_months(case, day)
    stratum = _column(found, prior)
    exposure = on_natalizumab(case, day)
    interval = exposure.interval_weeks if exposure else None
    return PmlRisk(
        stratum=stratum,
        index=found.index if found else None,
        index_date=found.date if found else None,
        retest_due=found is not None and found.retest_due,
        prior_immunosuppression=prior,
        months=month,
        extended_interval=None if interval is None else interval >= safety_settings().pml.extended_interval_weeks,
        per_1000=pml_table().per_1000(stratum, month) if stratum else None,
        high_risk=_high_risk(found, prior, month),
        reason=_reason(found, prior, month),
        sources=tuple(record.source for record in (found, prior_fact) if record is not None),
    )


def _column(found: Serology | None, prior: bool | None) -> str | None:
    """Column of the risk table; None when the record does not say which."""
    if found is None or found.retest_due or found.stratum == INDETERMINATE:
        return None
    return PRIOR if prior and found.stratum != NEGATIVE else found.stratum


def _high_risk(found: Serology | None, prior: bool | None, month: int) -> bool | None:
    """All three factors, or a high index beyond two years (clinical.md 3.3); None when it hangs on what is missing."""
    settings = safety_settings().pml
    if month <= settings.high_risk_months:
        return False
    if found is None or found.retest_due or found.stratum == INDETERMINATE:
        return None
    if found.stratum == NEGATIVE:
        return False
    if prior or (found.index is not None and found.index > settings.high_risk_index):
        return True
    return None if prior is None or found.index is None else False


def _reason(found: Serology | None, prior: bool | None, month: int) -> str:
    if found is None:
        return "JCV antibody index not on record"
    if found.retest_due:
        return f"{found.words} is too old to be taken for what it was: retest"
    if found.stratum == INDETERMINATE:
        return f"{found.words}: neither negative nor positive until the inhibition test"
    parts = [found.words, f"month {month} of natalizumab"]
    if found.stratum != NEGATIVE and prior is None:
        parts.append(_if_prior(month))
    if found.stratum != NEGATIVE and prior:
        parts.append("earlier immunosuppression, so the index does not tell the risk")
    last = pml_table().risks[found.stratum][-1][1]
    if month > last:
        parts.append(f"the table ends at month {last}")
    return ", ".join(parts)


def _if_prior(month: int) -> str:
    risk = pml_table().per_1000(PRIOR, month)
    known = f" ({risk:g} per 1,000 if there was any)" if risk is not None else ""
    return f"earlier immunosuppression not on record{known}"
