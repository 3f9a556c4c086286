"""How a table of the pool is described: its columns, what counts as valid in them, its natural key.

Column kinds: ``text``, ``date``, ``number`` (double), ``whole`` (integer), ``flag`` (boolean), ``timestamp``,
``wholes``, ``numbers`` and ``texts`` (lists).
Bounds are inclusive. ``choices`` names a catalogue (see :mod:`clams_dash.model.catalogues`) or lists codes.
A column marked ``derived`` is filled in by the import and not read from a source.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its kind, whether it may be missing, its unit, and what counts as valid."""

    name: str
    kind: str
    meaning: str
    required: bool = False
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    choices: str | tuple[str | float, ...] | None = None
    pattern: str | None = None
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns, its natural key (a second row with the same key is a duplicate) and sort order.

    ``replaces``: rows of a later import take the place of earlier ones that agree in these columns.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    order: tuple[str, ...]
    replaces: tuple[str, ...]
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})

    @property
    def source_columns(self) -> tuple[Column, ...]:
        """The columns a source may give."""
        return tuple(column for column in self.columns if not column.derived)
