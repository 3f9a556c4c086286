"""Safety burden of every therapy as used in utilities (``burden.csv``)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from clams_dash.cohort.sections import EFFECTS_DIR
from clams_dash.errors import FactsError
from clams_dash.model.catalogues import read_rows


def burden_frame(names: tuple[str, ...], folder: Path = EFFECTS_DIR) -> pd.DataFrame:
    """Columns dmt and value, one row per therapy of ``names``.

    The burden is on the scale of one relapse within 24 months (a confirmed worsening counts 2). Raises FactsError
    naming file, therapy and column.
    """
    path = folder / "burden.csv"
    values: dict[str, float] = {}
    for number, row in enumerate(read_rows(path), start=2):
        name = row.get("dmt", "")
        if name not in names:
            raise FactsError(f"{path}: row {number}, dmt = {name!r} is not a therapy of dmt_use.csv")
        if not row.get("source"):
            raise FactsError(f"{path}: row {number} has no source")
        try:
            values[name] = float(row["value"])
        except (KeyError, ValueError) as error:
            raise FactsError(f"{path}: row {number}, value is missing or not a number") from error
        if not 0.0 <= values[name] <= 3.0:
            raise FactsError(f"{path}: row {number}, value = {row['value']} is impossible; it must lie between 0 and 3")
    missing = [name for name in names if name not in values]
    if missing:
        raise FactsError(f"{path}: {missing[0]} has no row")
    return pd.DataFrame({"dmt": list(names), "value": [values[name] for name in names]})
