"""A fault of one row: which check found it, and whether it sets the row aside (error) or is only shown (warning)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from clams_dash.ingest.parse import is_blank
from clams_dash.ingest.staging import FILE, ROW, Reject
from clams_dash.model.tables import Table

CONSEQUENCE = {"error": "row set aside", "warning": "row kept"}


@dataclass(frozen=True, slots=True)
class Fault:
    """``row`` is the position in the staged frame; ``column`` the column at fault, if there is one."""

    row: int
    column: str | None
    rule: str
    reason: str
    severity: str = "error"

    def reject(self, table: Table, raw: pd.DataFrame) -> Reject:
        """Give the fault file, row and value."""
        value = None if self.column not in raw.columns else raw[self.column].iloc[self.row]
        return Reject(
            table_name=table.name,
            source_file=str(raw[FILE].iloc[self.row]),
            source_row=int(raw[ROW].iloc[self.row]),
            column_name=self.column,
            value=None if is_blank(value) else _as_text(value),
            reason=f"{self.reason}; {CONSEQUENCE[self.severity]}",
            severity=self.severity,
            rule=self.rule,
        )


def _as_text(value: object) -> str:
    return value.date().isoformat() if isinstance(value, pd.Timestamp) else str(value)[:200]
