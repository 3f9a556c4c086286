"""Which laboratory lanes a case shows: what matters for the present therapy first, then the activity marker."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import lru_cache

from clams_dash.config import FACTS_DIR
from clams_dash.model import catalogues
from clams_dash.model.records import Case

LANE_FILE = FACTS_DIR / "rules" / "lab_lanes.csv"
MOST_LANES = 3


@lru_cache(maxsize=1)
def _analytes_by_class() -> dict[str, tuple[str, ...]]:
    return {row["drug_class"]: tuple(row["analytes"].split(";")) for row in catalogues.read_rows(LANE_FILE)}


def lab_lanes(case: Case, day: date | None) -> tuple[str, ...]:
    """Analytes to show, at most three: those of the present drug, sNfL, then the most often measured.

    A lane that matters for the drug is shown even when nothing was measured, so that the gap is seen.
    """
    current = case.treatment_on(day) if day else None
    drug_class = catalogues.dmts()[current.dmt].drug_class if current else "none"
    rules = _analytes_by_class()
    measured = Counter(result.analyte for result in case.labs)
    wanted = [*rules["any"], *rules.get(drug_class, ()), *(name for name, _ in measured.most_common())]
    return tuple(dict.fromkeys(wanted))[:MOST_LANES]
