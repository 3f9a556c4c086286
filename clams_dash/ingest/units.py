"""Units of measured values that are no laboratory results: times, lengths, volumes (``data/catalogues/units.csv``).

Laboratory results have a table of their own (:mod:`clams_dash.clinical.labs.units`).
"""

from __future__ import annotations

from functools import lru_cache

from clams_dash.clinical.labs.units import normalised
from clams_dash.model import catalogues


@lru_cache(maxsize=1)
def _factors() -> dict[tuple[str, str], float]:
    rows = catalogues.read_rows(catalogues.CATALOGUE_DIR / "units.csv")
    return {(normalised(row["from_unit"]), normalised(row["to_unit"])): float(row["factor"]) for row in rows}


def factor(unit: str, to_unit: str) -> float | None:
    """What a value in ``unit`` is multiplied by to be in ``to_unit``; None when no rule says."""
    own, wanted = normalised(unit), normalised(to_unit)
    return 1.0 if own == wanted else _factors().get((own, wanted))
