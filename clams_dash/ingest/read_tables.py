"""Format ``tables``: CSV, Parquet or Excel files named after the pool's tables, with its column names.

A workbook with several worksheets is read by the names of its worksheets.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from clams_dash.errors import ImportRefused
from clams_dash.ingest.normalise import normalised
from clams_dash.ingest.staging import Staged, digest, refuse_unknown_columns
from clams_dash.ingest.tabular import EXCEL_SUFFIXES, SUFFIXES, Sheet, read_sheet, refuse_outside, sheets
from clams_dash.model import tables

_NAMES = frozenset(table.name for table in tables.CLINICAL_TABLES)
_OWN_RECORDS = frozenset(table.name for table in tables.ALL_TABLES) - _NAMES


def recognises(source: Path) -> bool:
    """Whether ``source`` is a table file or a folder with at least one."""
    return any(file.stem in _NAMES or _of_worksheets(file) for file in _files(source))


def stage(source: Path) -> Staged:
    """Read a folder of table files, or one file.

    Raises
    ------
    ImportRefused
        Naming file, row and column: a file that is no table of the pool, a column the table does not have, a needed
        column missing, a file that cannot be parsed, two files for one table.
    """
    root = source if source.is_dir() else source.parent
    frames: dict[str, pd.DataFrame] = {}
    used: list[Path] = []
    for file in _files(source):
        if file.stem in _OWN_RECORDS:
            continue
        refuse_outside(file, root)
        used.append(file)
        for name, sheet in _tables_in(file):
            if name in frames:
                raise ImportRefused(f"{source}: holds two files for table {name!r}; keep one")
            frame = refuse_unknown_columns(read_sheet(sheet), tables.BY_NAME[name], _place(sheet))
            frames[name] = normalised(frame, name)
    images = [(str(path), root / str(path)) for path in frames["series"]["path"]] if "series" in frames else []
    return Staged(
        format="tables",
        source=str(source),
        sha256=digest([(file.name, file) for file in used] + [pair for pair in images if pair[1].is_file()]),
        frames=frames,
        image_root=root,
    )


def _files(source: Path) -> list[Path]:
    candidates = [source] if source.is_file() else sorted(source.iterdir()) if source.is_dir() else []
    return [file for file in candidates if file.suffix.lower() in SUFFIXES and file.is_file()]


def _of_worksheets(file: Path) -> bool:
    """Whether a workbook has worksheets named after tables."""
    if file.suffix.lower() not in EXCEL_SUFFIXES or file.stem in _NAMES:
        return False
    try:
        return any(sheet.name in _NAMES for sheet in sheets(file))
    except ImportRefused:
        return False


def _tables_in(file: Path) -> list[tuple[str, Sheet]]:
    """Tables of a file with their names. Raises ImportRefused for a file or worksheet that is no table of the pool."""
    known = ", ".join(sorted(_NAMES))
    if file.stem in _NAMES:
        found = sheets(file)
        if len(found) > 1:
            raise ImportRefused(f"{file}: has {len(found)} worksheets; a file named after a table needs one")
        return [(file.stem, found[0])]
    if file.suffix.lower() not in EXCEL_SUFFIXES:
        raise ImportRefused(f"{file}: is not named after a table of the pool ({known}); rename it or take it out")
    found = [sheet for sheet in sheets(file) if sheet.name not in _OWN_RECORDS]
    for sheet in found:
        if sheet.name not in _NAMES:
            raise ImportRefused(
                f"{file}: worksheet {sheet.name!r} is not named after a table of the pool ({known}); rename it or "
                f"take it out, or describe the workbook in a mapping file"
            )
    return [(str(sheet.name), sheet) for sheet in found]


def _place(sheet: Sheet) -> str:
    return str(sheet.file) if sheet.name is None else f"{sheet.file}[{sheet.name}]"
