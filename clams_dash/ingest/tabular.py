"""Table files as text: CSV in any separator, Excel workbooks, Parquet. Nothing is guessed and nothing is converted.

A value keeps the words of its file; only Excel and Parquet, whose cells have types, give numbers as plain digits and
times as ``YYYY-MM-DD``. Row numbers are those a person sees in the file.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd

from clams_dash.errors import ImportRefused
from clams_dash.ingest.parse import is_blank
from clams_dash.ingest.staging import FILE, ROW
from clams_dash.pool.parquet import read_parquet

TEXT_SUFFIXES = (".csv", ".tsv")
EXCEL_SUFFIXES = (".xlsx", ".xlsm")
SUFFIXES = (*TEXT_SUFFIXES, ".parquet", *EXCEL_SUFFIXES)

LONGEST_FIELD = 1_000_000
"""Characters in one field; a longer one is no clinical value but a damaged or wrong file."""
LARGEST_WORKBOOK_BYTES = 1 << 29
"""What a workbook may unpack to."""
_NAMELESS = "column without a name, number "
_EXCEL_ERRORS = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"})


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a file: the whole file (``name`` None), or a worksheet of a workbook."""

    file: Path
    name: str | None

    @property
    def label(self) -> str:
        """File name, and the worksheet where there is one."""
        return self.file.name if self.name is None else f"{self.file.name}[{self.name}]"


def sheets(file: Path) -> list[Sheet]:
    """Tables of a file. Raises ImportRefused for a workbook that cannot be opened."""
    if file.suffix.lower() not in EXCEL_SUFFIXES:
        return [Sheet(file, None)]
    with _Workbook(file) as book:
        found = [Sheet(file, name) for name in book.sheetnames]
    if not found:
        raise ImportRefused(f"{file}: the workbook has no worksheet")
    return found


def refuse_outside(file: Path, folder: Path) -> None:
    """Raise ImportRefused for a link that leads out of the imported folder."""
    if file.is_symlink() and not file.resolve().is_relative_to(folder.resolve()):
        raise ImportRefused(f"{file}: is a link to a file outside the imported folder; copy the file into it")


def read_sheet(sheet: Sheet, *, encoding: str = "utf-8-sig") -> pd.DataFrame:
    """Read one table as text, blank cells as they are, with ``_source_file`` and ``_source_row``; blank rows left out.

    Raises
    ------
    ImportRefused
        Naming file and row: a file that cannot be read in this encoding, is empty or damaged, a column name that is
        blank or stands twice, a row with more fields than the first, a field of more than a million characters.
    """
    suffix = sheet.file.suffix.lower()
    if suffix in TEXT_SUFFIXES:
        frame = _read_text(sheet.file, encoding)
    elif suffix in EXCEL_SUFFIXES:
        frame = _read_excel(sheet)
    else:
        frame = read_parquet(sheet.file)
        frame.columns = pd.Index(_names([str(name) for name in frame.columns], sheet))
        frame = frame.assign(**{ROW: range(2, 2 + len(frame))})
    _refuse_long_fields(frame, sheet)
    kept = frame[~_blank_rows(frame.drop(columns=ROW))]
    empty = [name for name in kept if str(name).startswith(_NAMELESS) and kept[name].map(is_blank).all()]
    return kept.drop(columns=empty).assign(**{FILE: sheet.label})


def _blank_rows(given: pd.DataFrame) -> pd.Series:
    """Rows with nothing in them; a column is looked at only in rows where those before it are blank."""
    blank = pd.Series(True, index=given.index)
    for name in given:
        open_rows = blank.index[blank]
        if open_rows.empty:
            break
        blank[open_rows] = given[name][open_rows].map(is_blank).astype(bool)
    return blank


def _read_text(file: Path, encoding: str) -> pd.DataFrame:
    try:
        header = _header(file, encoding)
        frame = pd.read_csv(
            file, sep=_separator(file, encoding), dtype=str, keep_default_na=False, na_filter=False, encoding=encoding,
            skip_blank_lines=False, header=0, names=header,
        )  # fmt: skip
    except OSError as error:
        raise ImportRefused(f"{file}: cannot be read ({error.strerror})") from error
    except UnicodeError as error:
        name = "UTF-8" if encoding == "utf-8-sig" else encoding
        where = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise ImportRefused(f"{file}: is not {name} text{where}; save it as UTF-8") from error
    except LookupError as error:
        raise ImportRefused(f"{file}: encoding {encoding!r} is not known") from error
    except (pd.errors.ParserError, csv.Error) as error:
        raise ImportRefused(f"{file}: cannot be read as CSV ({str(error).strip()})") from error
    if not isinstance(frame.index, pd.RangeIndex):
        raise ImportRefused(f"{file}: its rows have more fields than its first row names")
    return frame.assign(**{ROW: range(2, 2 + len(frame))})


def _header(file: Path, encoding: str) -> list[str]:
    with file.open(encoding=encoding, newline="") as handle:
        names = next(csv.reader(_limited(handle), delimiter=_separator(file, encoding)), [])
    if not any(name.strip() for name in names):
        raise ImportRefused(f"{file}: is empty; a first row with column names is needed")
    return _names(names, Sheet(file, None))


def _limited(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if len(line) > LONGEST_FIELD:
            raise csv.Error(f"line of {len(line)} characters")
        yield line


def _separator(file: Path, encoding: str) -> str:
    if file.suffix.lower() == ".tsv":
        return "\t"
    with file.open(encoding=encoding, errors="replace") as handle:
        first = handle.readline(LONGEST_FIELD)
    return max(",;\t|", key=first.count)


def _names(names: list[str], sheet: Sheet) -> list[str]:
    """Column names as they are used: stripped, a nameless one called by its place, none twice."""
    named = [name.strip() or f"{_NAMELESS}{number}" for number, name in enumerate(names, 1)]
    for number, name in enumerate(named):
        if name in named[:number]:
            raise ImportRefused(f"{sheet.label}: row 1: column {name!r} stands twice; rename or remove one")
    return named


def _refuse_long_fields(frame: pd.DataFrame, sheet: Sheet) -> None:
    for name in frame.columns.drop(ROW):
        column = frame[name]
        if not (pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)):
            continue
        lengths = column.str.len().fillna(0)
        if len(lengths) and lengths.max() > LONGEST_FIELD:
            row = int(frame[ROW].iloc[int(lengths.argmax())])
            raise ImportRefused(
                f"{sheet.label}: row {row}, column {str(name)!r}: a field of {int(lengths.max())} characters; "
                f"at most {LONGEST_FIELD} are read. The file is damaged or not a table"
            )


def _unpacked_bytes(file: Path) -> int:
    with zipfile.ZipFile(file) as archive:
        return sum(entry.file_size for entry in archive.infolist())


class _Workbook:
    """An Excel workbook opened for reading, and closed again: values of formulas, no links, no macros."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> Any:
        try:
            unpacked = _unpacked_bytes(self._file)
            if unpacked <= LARGEST_WORKBOOK_BYTES:
                self._book = openpyxl.load_workbook(self._file, read_only=True, data_only=True, keep_links=False)
        except OSError as error:
            raise ImportRefused(f"{self._file}: cannot be read ({error.strerror or error})") from error
        except Exception as error:
            raise ImportRefused(
                f"{self._file}: cannot be read as an Excel workbook ({type(error).__name__}); save it again as .xlsx"
            ) from error
        if unpacked > LARGEST_WORKBOOK_BYTES:
            raise ImportRefused(f"{self._file}: unpacks to {unpacked / 2**20:.0f} MiB; split the workbook")
        return self._book

    def __exit__(self, *_: object) -> None:
        self._book.close()


def _read_excel(sheet: Sheet) -> pd.DataFrame:
    with _Workbook(sheet.file) as book:
        if sheet.name not in book.sheetnames:
            raise ImportRefused(f"{sheet.file}: has no worksheet {sheet.name!r} (it has {', '.join(book.sheetnames)})")
        try:
            cells = book[sheet.name]
            cells.reset_dimensions()  # a sheet may claim a million columns; what it holds is what counts
            rows = [[_cell(value) for value in _trimmed(row)] for row in cells.iter_rows(values_only=True)]
        except Exception as error:
            raise ImportRefused(f"{sheet.label}: cannot be read ({type(error).__name__}: {error})") from error
    if not rows or not any(rows[0]):
        raise ImportRefused(f"{sheet.label}: is empty; a first row with column names is needed")
    width = max(number for number, name in enumerate(rows[0], 1) if name)
    names = _names(rows[0][:width], sheet)
    for number, row in enumerate(rows, 1):
        if any(row[width:]):
            raise ImportRefused(f"{sheet.label}: row {number} has more fields than its first row names")
    filled = [(row + [""] * width)[:width] for row in rows[1:]]
    frame = pd.DataFrame(filled, columns=names, dtype=object)
    return frame.assign(**{ROW: range(2, 2 + len(frame))})


def _trimmed(row: tuple[object, ...]) -> tuple[object, ...]:
    """A row without the empty cells at its end."""
    width = next((number for number in range(len(row), 0, -1) if row[number - 1] is not None), 0)
    return row[:width]


def _cell(value: object) -> str:
    """Text of a cell. An error value of Excel stays as it is: it is no number, and not the same as an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, float):
        if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
            return str(int(value))
        return repr(value)
    text = str(value)
    return f"{text} (an error in the workbook)" if text in _EXCEL_ERRORS and text != "#N/A" else text
