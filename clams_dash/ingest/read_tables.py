"""Format ``tables``: CSV or Parquet files named after the pool's tables, with its column names."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from clams_dash.errors import ImportRefused
from clams_dash.ingest.parse import is_blank
from clams_dash.ingest.staging import FILE, ROW, Staged, digest, refuse_unknown_columns, with_rows
from clams_dash.model import tables
from clams_dash.pool.parquet import read_parquet

SUFFIXES = (".csv", ".parquet")
_OWN_RECORDS = frozenset({"import_batch", "reject"})


def recognises(source: Path) -> bool:
    """Whether ``source`` is a table file or a folder with at least one."""
    return bool(_table_files(source))


def stage(source: Path) -> Staged:
    """Read a folder of table files, or one file.

    Raises
    ------
    ImportRefused
        Naming file, row and column: a file that is no table of the pool, a column the table does not have, a needed
        column missing, a file that cannot be parsed, two files for one table.
    """
    files = _table_files(source)
    if source.is_dir():
        _refuse_strangers(source)
    frames: dict[str, pd.DataFrame] = {}
    for file in files:
        table = tables.BY_NAME[file.stem]
        if table.name in frames:
            raise ImportRefused(f"{source}: holds two files for table {table.name!r}; keep one")
        frames[table.name] = refuse_unknown_columns(
            _without_blank_rows(with_rows(_read(file), file.name)), table, str(file)
        )
    root = source if source.is_dir() else source.parent
    images = [(str(path), root / str(path)) for path in frames["series"]["path"]] if "series" in frames else []
    return Staged(
        format="tables",
        source=str(source),
        sha256=digest([(file.name, file) for file in files] + [pair for pair in images if pair[1].is_file()]),
        frames=frames,
        image_root=root,
    )


def _table_files(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix in SUFFIXES and source.stem in tables.BY_NAME else []
    names = {table.name for table in tables.CLINICAL_TABLES}
    return sorted(
        file for file in source.iterdir() if file.suffix in SUFFIXES and file.stem in names and file.is_file()
    )


def _refuse_strangers(folder: Path) -> None:
    for file in sorted(folder.iterdir()):
        if file.suffix in SUFFIXES and file.stem not in tables.BY_NAME:
            known = ", ".join(table.name for table in tables.CLINICAL_TABLES)
            raise ImportRefused(f"{file}: is not named after a table of the pool ({known}); rename it or take it out")


def _read(file: Path) -> pd.DataFrame:
    if file.suffix == ".parquet":
        return read_parquet(file)
    try:
        frame = pd.read_csv(
            file,
            sep=_separator(file),
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            encoding="utf-8-sig",
            skip_blank_lines=False,
        )
    except OSError as error:
        raise ImportRefused(f"{file}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ImportRefused(f"{file}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except pd.errors.EmptyDataError as error:
        raise ImportRefused(f"{file}: is empty; a first row with column names is needed") from error
    except pd.errors.ParserError as error:
        raise ImportRefused(f"{file}: cannot be read as CSV ({str(error).strip()})") from error
    if frame.index.nlevels > 1 or not isinstance(frame.index, pd.RangeIndex):
        raise ImportRefused(f"{file}: its rows have more fields than its first row names")
    return frame


def _without_blank_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out rows with nothing in them, after they were counted, so that row numbers stay those of the file."""
    given = frame.drop(columns=[FILE, ROW])
    blank = given.apply(lambda column: column.map(is_blank)).all(axis=1) if len(given) else pd.Series(dtype=bool)
    return frame[~blank.astype(bool)] if len(given) else frame


def _separator(file: Path) -> str:
    with file.open(encoding="utf-8-sig", errors="replace") as handle:
        first = handle.readline()
    return max(",;\t", key=first.count)
