"""The rows that stand once an import does: for steps that look at all of a person's imaging, old and new."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from clams_dash.ingest.known import Known
from clams_dash.model.tables import Table

IMAGING_TABLES = ("mri", "series", "lesion")


def standing(table: Table, rows: Mapping[str, pd.DataFrame], known: Known) -> pd.DataFrame:
    """Rows of an import's additions, and those of the pool whose place they do not take."""
    held, mine = known.frame(table), rows.get(table.name)
    if mine is None or mine.empty:
        return held
    if held.empty:
        return mine
    keys = list(table.replaces)
    taken = pd.MultiIndex.from_frame(mine[keys].astype("string"))
    kept = held[~pd.MultiIndex.from_frame(held[keys].astype("string")).isin(taken)]
    return pd.concat([kept[list(mine.columns)], mine], ignore_index=True) if len(kept) else mine


def touched_people(rows: Mapping[str, pd.DataFrame]) -> list[str]:
    """People on whose imaging an import says anything, in order."""
    return sorted({str(one) for name in IMAGING_TABLES if name in rows for one in rows[name]["patient_id"]})
