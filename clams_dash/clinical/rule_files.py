"""Reading rules kept as data: spans of time, numbers and rows, each fault named with file, row and column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clams_dash.config import FACTS_DIR
from clams_dash.errors import FactsError
from clams_dash.model import catalogues

RULES_DIR = FACTS_DIR / "rules"
DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12.0
UNSURE = "⚠"

_SPAN = re.compile(r"(\d+(?:\.\d+)?)([dwmy])")
_DAYS = {"d": 1.0, "w": 7.0, "m": DAYS_PER_MONTH, "y": DAYS_PER_YEAR}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a rules file. ``number`` counts from the header, which is row 1."""

    file: str
    number: int
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """The cell, stripped. Raises FactsError when the file has no such column."""
        if self.cells.get(column) is None:
            raise FactsError(f"{self.file}, row {self.number}: no value for column {column!r}")
        return self.cells[column].strip()

    def words(self, column: str) -> tuple[str, ...]:
        """The cell's parts between semicolons."""
        return tuple(part.strip() for part in self.text(column).split(";") if part.strip())

    def number_in(self, column: str) -> float | None:
        """The cell as a number; None when empty. Raises FactsError."""
        text = self.text(column)
        try:
            return float(text) if text else None
        except ValueError as error:
            raise self.fault(column, "is not a number") from error

    def days(self, column: str) -> int | None:
        """The cell as a span of time, in days; None when empty. Raises FactsError."""
        text = self.text(column)
        return self.span(column, text) if text else None

    def spans(self, column: str) -> tuple[int, ...]:
        """The cell's spans of time between semicolons, in days, ascending. Raises FactsError."""
        found = tuple(self.span(column, part) for part in self.words(column))
        if list(found) != sorted(set(found)):
            raise self.fault(column, "must ascend")
        return found

    def one_of(self, column: str, allowed: tuple[str, ...]) -> str:
        """The cell when it is one of ``allowed``. Raises FactsError."""
        text = self.text(column)
        if text not in allowed:
            raise self.fault(column, f"is not one of {', '.join(allowed)}")
        return text

    def span(self, column: str, text: str) -> int:
        """Days in a span such as ``14d``, ``6w``, ``3m`` or ``2y`` (a month is a twelfth of 365.25 days)."""
        match = _SPAN.fullmatch(text)
        if match is None:
            raise self.fault(column, "is not a span of time such as 14d, 6w, 3m or 2y")
        return round(float(match[1]) * _DAYS[match[2]])

    def fault(self, column: str, reason: str) -> FactsError:
        """The error for a wrong cell of this row."""
        return FactsError(f"{self.file}, row {self.number}, column {column}: {self.cells.get(column)!r} {reason}")


def rows(path: Path) -> tuple[Row, ...]:
    """Rows of a CSV file of rules. Raises FactsError when it cannot be read or is empty."""
    found = tuple(Row(str(path), at, cells) for at, cells in enumerate(catalogues.read_rows(path), start=2))
    if not found:
        raise FactsError(f"{path}: holds no rows; it belongs to the project's data folder")
    return found
