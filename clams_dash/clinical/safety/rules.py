"""The monitoring rules as data: ``data/rules/monitoring.csv`` and ``monitoring_tests.csv``.

Sources stand in each row (clinical.md 3.5: EMA/German handbook S35, FDA S36, Lemtrada label S38, current labels).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Literal

from clams_dash.clinical import rule_files
from clams_dash.clinical.rule_files import RULES_DIR, UNSURE, Row
from clams_dash.model import catalogues

MONITORING_FILE = RULES_DIR / "monitoring.csv"
TESTS_FILE = RULES_DIR / "monitoring_tests.csv"

CONDITIONS = (
    "childbearing",
    "female",
    "infusion_reaction",
    "jcv_negative_or_low",
    "pml_high_risk",
    "not_pml_high_risk",
)
Basis = Literal["value", "uln", "lln", "baseline"]
_BASES: tuple[Basis, ...] = ("value", "uln", "lln", "baseline")
_REGIONS = ("any", "EU", "US")


class Phase(StrEnum):
    """When a rule applies: before the first dose, as a schedule on the drug, or as a threshold on the drug."""

    BEFORE = "before"
    ON = "on"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Test:
    """A test and what in a record shows that it was done.

    ``valid_days``: how old a result may be when a drug is started; None = a result does not age.
    """

    test: str
    label: str
    analytes: tuple[str, ...]
    fact_kinds: tuple[str, ...]
    scan_region: str | None
    valid_days: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """When a quantity (an analyte or a numeric fact) breaches.

    ``limit`` is a value, or a multiple of the upper (``uln``) or lower limit of normal (``lln``) or of the last value
    before the drug (``baseline``). ``persist_days``: it has to hold longer than this. ``repeat``: it has to be found
    twice in a row. ``clear``: once breached it stays so until a value beyond this. ``also``: a second analyte that
    has to be above its own upper limit in the same sample.
    """

    quantity: str
    operator: Literal["<", ">"]
    limit: float
    basis: Basis
    persist_days: int | None
    repeat: bool
    clear: float | None
    also: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the monitoring rules for one drug.

    Schedule (phase ``on``): fixed ``at`` days after the start, then ``every`` so many days. ``after_stop_days``: how
    long after the last dose it goes on. ``window``: days after the start between which a threshold applies.
    """

    drug: str
    test: Test
    phase: Phase
    at: tuple[int, ...]
    every: int | None
    after_stop_days: int
    window: tuple[int, int | None]
    applies_if: str | None
    threshold: Threshold | None
    severity: Literal["watch", "alert"]
    action: str
    region: str
    label_version: str
    source: str
    unsure: bool
    row: int

    @property
    def origin(self) -> str:
        """Where the rule stands: file and row, label version and region, source, and ⚠ when unsure."""
        mark = f" {UNSURE}" if self.unsure else ""
        region = "" if self.region == "any" else f", {self.region}"
        return f"{MONITORING_FILE.name} row {self.row}: {self.label_version}{region}; {self.source}{mark}"


@dataclass(frozen=True, slots=True)
class Monitoring:
    """All rules by drug, in the order of the file."""

    by_drug: dict[str, tuple[Rule, ...]]

    def of(self, drug: str, region: str) -> tuple[Rule, ...]:
        """Rules of a drug in a region; empty when there are none on file."""
        return tuple(rule for rule in self.by_drug.get(drug, ()) if rule.region in ("any", region))


def load_tests(path: Path) -> dict[str, Test]:
    """Read the tests. Raises FactsError naming file, row and column."""
    known, kinds = catalogues.analytes(), catalogues.labels("fact_kinds")
    found = {}
    for row in rule_files.rows(path):
        test = Test(
            test=row.text("test"),
            label=row.text("label"),
            analytes=_known(row, "analytes", known),
            fact_kinds=_known(row, "fact_kinds", kinds),
            scan_region=row.text("scan_region") or None,
            valid_days=row.days("valid"),
            source=row.text("source"),
        )
        if not (test.analytes or test.fact_kinds or test.scan_region):
            raise row.fault("test", "names no analyte, fact or scan that would show it was done")
        found[test.test] = test
    return found


def load_monitoring(path: Path, known: dict[str, Test]) -> Monitoring:
    """Read the rules. Raises FactsError naming file, row and column."""
    by_drug: dict[str, list[Rule]] = {}
    for row in rule_files.rows(path):
        for drug in _known(row, "drug", catalogues.dmts()):
            by_drug.setdefault(drug, []).append(_rule(row, drug, known))
    return Monitoring({drug: tuple(rules) for drug, rules in by_drug.items()})


@lru_cache(maxsize=1)
def known_tests() -> dict[str, Test]:
    """The project's tests by name."""
    return load_tests(TESTS_FILE)


@lru_cache(maxsize=1)
def monitoring() -> Monitoring:
    """The project's monitoring rules."""
    return load_monitoring(MONITORING_FILE, known_tests())


def _known(row: Row, column: str, allowed: Collection[str]) -> tuple[str, ...]:
    words = row.words(column)
    unknown = [word for word in words if word not in allowed]
    if unknown:
        raise row.fault(column, f"is not in the catalogue: {', '.join(unknown)}")
    return words


def _rule(row: Row, drug: str, known: dict[str, Test]) -> Rule:
    phase = Phase(row.one_of("phase", tuple(Phase)))
    at, every, condition = row.spans("at"), row.days("every"), row.text("applies_if")
    if phase is Phase.ON and not at and every is None:
        raise row.fault("every", "is empty, and so is column at: a schedule needs one of them")
    if condition:
        row.one_of("applies_if", CONDITIONS)
    threshold = _threshold(row)
    if phase is Phase.ALERT and threshold is None:
        raise row.fault("quantity", "is needed in a row of phase alert")
    return Rule(
        drug=drug,
        test=known[row.one_of("test", tuple(known))],
        phase=phase,
        at=at,
        every=every,
        after_stop_days=row.days("after_stop") or 0,
        window=(row.days("from") or 0, row.days("until")),
        applies_if=condition or None,
        threshold=threshold,
        severity="alert" if row.one_of("severity", ("watch", "alert")) == "alert" else "watch",
        action=row.text("action"),
        region=row.one_of("region", _REGIONS),
        label_version=row.text("label_version"),
        source=row.text("source"),
        unsure=row.text("unsure") == UNSURE,
        row=row.number,
    )


def _threshold(row: Row) -> Threshold | None:
    quantity = row.text("quantity")
    if not quantity:
        return None
    if quantity not in catalogues.analytes() and quantity not in catalogues.labels("fact_kinds"):
        raise row.fault("quantity", "is neither an analyte nor a kind of fact of the catalogues")
    limit = row.number_in("limit")
    if limit is None:
        raise row.fault("limit", "is needed beside a quantity")
    also = row.text("also") or None
    if also is not None:
        row.one_of("also", tuple(catalogues.analytes()))
    basis = row.one_of("basis", _BASES)
    return Threshold(
        quantity=quantity,
        operator="<" if row.one_of("operator", ("<", ">")) == "<" else ">",
        limit=limit,
        basis=next(known for known in _BASES if known == basis),
        persist_days=row.days("persist"),
        repeat=row.text("repeat") == "yes",
        clear=row.number_in("clear"),
        also=also,
    )
