"""What a format reader hands over: raw frames with their file and rows, and where the images lie."""

from __future__ import annotations

import hashlib
import shutil
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clams_dash.errors import ImportRefused
from clams_dash.model.tables import Table

ROW = "_source_row"
FILE = "_source_file"

MISSING_WORDS = frozenset({"", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "<NA>"})
"""Texts that mean "not known" in a source, and never a value."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a series belongs: a grid given by a file, and the maps that lead from there to the series.

    ``world_map`` takes millimetres RAS+ of the common space to millimetres RAS+ of the series (4 x 4).
    """

    grid_file: Path
    world_map: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reject:
    """A row of the ``reject`` table. ``rule``: the check that found it; ``patient_id``: filled in by the import."""

    table_name: str
    source_file: str | None
    source_row: int | None
    column_name: str | None
    value: str | None
    reason: str
    severity: str = "error"
    rule: str | None = None
    patient_id: str | None = None


class Workspace:
    """A folder of a reader's own files (converted images), removed with the last who holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)


@dataclass(frozen=True)
class Staged:
    """A source as read, before any check.

    Attributes
    ----------
    frames
        Raw frames by table name. Columns are those of the table's source columns that the source gives, plus
        ``_source_file`` and ``_source_row`` (the header is row 1).
    image_root
        Folder that the paths of the ``series`` frame are relative to; None = the source has no images.
    placements
        Series to be brought to another grid, by path.
    notes
        What the reader already knows to be absent or unusual.
    workspace
        Keeps the reader's own files as long as they may be read.
    """

    format: str
    source: str
    sha256: str
    frames: Mapping[str, pd.DataFrame]
    centre: str | None = None
    image_root: Path | None = None
    placements: Mapping[str, Placement] = field(default_factory=dict)
    notes: tuple[Reject, ...] = ()
    workspace: Workspace | None = None


def with_rows(frame: pd.DataFrame, file: str, first_row: int = 2) -> pd.DataFrame:
    """Add the source columns to a frame read from ``file``."""
    marked = frame.copy()
    marked[FILE] = file
    marked[ROW] = range(first_row, first_row + len(frame))
    return marked


def refuse_unknown_columns(frame: pd.DataFrame, table: Table, file: str) -> pd.DataFrame:
    """Return the frame with only the columns a source may give.

    Columns the import derives itself (provenance, digests) are left out.
    Raises ImportRefused, naming the file and the column, for a column the table does not have or a needed one missing.
    """
    known = [column.name for column in table.source_columns]
    for name in frame.columns:
        if name not in table.by_name and name not in (ROW, FILE):
            near = get_close_matches(str(name), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
            raise ImportRefused(f"{file}: row 1: column {str(name)!r} is not a column of table {table.name!r}{hint}")
    for column in table.source_columns:
        if column.required and column.name not in frame.columns:
            raise ImportRefused(f"{file}: row 1: column {column.name!r} of table {table.name!r} is missing")
    return frame[[name for name in frame.columns if name in known or name in (ROW, FILE)]]


def digest(files: Iterable[tuple[str, Path]]) -> str:
    """SHA-256 over names and contents of files, independent of their order."""
    total = hashlib.sha256()
    for name, path in sorted(files):
        total.update(name.encode() + b"\0" + file_digest(path).encode() + b"\0")
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of one file's contents."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
