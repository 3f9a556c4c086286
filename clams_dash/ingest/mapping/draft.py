"""First draft of a mapping file from a centre's own files, for a person to complete.

Everything the draft is sure of is filled in; what is not known, or could be read in two ways, is left as ``""`` with
what was found in a comment. Such a draft is refused by the import until somebody has decided.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from clams_dash.errors import ImportRefused
from clams_dash.ingest.mapping import guess
from clams_dash.ingest.mapping.model import UNDECIDED
from clams_dash.ingest.parse import is_blank
from clams_dash.ingest.staging import FILE, ROW
from clams_dash.ingest.tabular import SUFFIXES, Sheet, read_sheet, sheets
from clams_dash.model import catalogues, tables

_ENCODINGS = ("utf-8-sig", "cp1252")
_MOST_CODES = 40
_KEYS = frozenset({"patient_id", "date"})


@dataclass
class _Draft:
    """What is known of one table: its columns, the codes to decide, and what of the source stays unused."""

    table: tables.Table
    columns: dict[str, str]
    undecided: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    labs: list[tuple[str, str, str]] = field(default_factory=list)


def draft_mapping(source: Path) -> str:
    """Text of a mapping file (TOML) for a folder of tables, or one file.

    Raises ImportRefused when there is no table file, or one cannot be read.
    """
    files = [source] if source.is_file() else sorted(source.iterdir()) if source.is_dir() else []
    files = [file for file in files if file.suffix.lower() in SUFFIXES and file.is_file()]
    if not files:
        raise ImportRefused(f"{source}: holds no table file ({', '.join(SUFFIXES)}) to draft a mapping from")
    parts = [_sheet_text(sheet) for file in files for sheet in sheets(file)]
    head = (
        f'# Draft of a mapping for {source.name}. Decide every "" (or delete its line), check the rest, then\n'
        f"#   clams import SOURCE --mapping THIS_FILE --dry-run\n"
        f'# A code that means "not known" is given the word NA.\n# centre = "name of the centre"\n'
    )
    return "\n".join([head, *parts])


def _sheet_text(sheet: Sheet) -> str:
    frame, encoding = _read(sheet)
    headers = [str(name) for name in frame.columns if name not in (FILE, ROW)]
    found = [draft for table in tables.CLINICAL_TABLES if (draft := _draft(table, frame, headers)) is not None]
    used = {column for draft in found for column in draft.columns.values()}
    used |= {lab[0] for draft in found for lab in draft.labs}
    unused = [name for name in headers if name not in used]
    place = f"{sheet.label}: {len(frame)} rows"
    if not found:
        return f"# {place}: no column was recognised. It has: {_listed(headers)}\n"
    lines = [f"# {place}" + (f"; not used: {_listed(unused)}" if unused else "")]
    for draft in found:
        lines += _table_lines(draft, sheet, frame, encoding)
    return "\n".join(lines) + "\n"


def _read(sheet: Sheet) -> tuple[pd.DataFrame, str]:
    try:
        return read_sheet(sheet), _ENCODINGS[0]
    except ImportRefused as refusal:
        if not isinstance(refusal.__cause__, UnicodeError):
            raise
        return read_sheet(sheet, encoding=_ENCODINGS[1]), _ENCODINGS[1]


def _draft(table: tables.Table, frame: pd.DataFrame, headers: list[str]) -> _Draft | None:
    found = {column.name: guess.column_for(table.name, column.name, headers) for column in table.source_columns}
    columns = {name: header for name, header in found.items() if header is not None}
    labs = [(header, analyte, _lab_unit(header)) for header in headers if (analyte := guess.analyte_for(header))]
    labs = labs if table is tables.LAB and "value" not in columns else []
    telling = set(columns) - _KEYS
    if not telling and not labs:
        return None
    given = {"analyte", "value", "unit"} if labs else set()
    required = {column.name for column in table.source_columns if column.required} - given
    if table is tables.LAB and not labs and not {"analyte", "value"} <= telling:
        return None
    if table in (tables.SERIES, tables.LESION) and not required <= set(columns):
        return None
    draft = _Draft(table, columns, sorted(required - set(columns)), labs=labs)
    for name in telling:
        codes = _codes(table.by_name[name], frame[columns[name]])
        if codes:
            draft.codes[name] = codes
    return draft


def _lab_unit(header: str) -> str:
    return guess.split_unit(header)[1] or UNDECIDED


def _codes(column: tables.Column, values: pd.Series) -> dict[str, str]:
    """Codes of a centre that are not the pool's words, each with its likely meaning; none where there are too many."""
    if column.choices is None or column.kind != "text":
        return {}
    allowed = _allowed(column)
    found = sorted({str(value).strip() for value in values if not is_blank(value)} - set(allowed))
    return {code: guess.word_for(column.name, code) for code in found[:_MOST_CODES]}


def _allowed(column: tables.Column) -> tuple[str, ...]:
    if not isinstance(column.choices, str):
        return tuple(str(choice) for choice in column.choices or ())
    if column.choices == "dmts":
        return tuple(catalogues.dmts())
    return tuple(catalogues.analytes() if column.choices == "analytes" else catalogues.labels(column.choices))


def _table_lines(draft: _Draft, sheet: Sheet, frame: pd.DataFrame, encoding: str) -> list[str]:
    lines = ["", "[[table]]", f"file = {_quoted(sheet.file.name)}"]
    if sheet.name is not None:
        lines.append(f"sheet = {_quoted(sheet.name)}")
    lines.append(f"into = {_quoted(draft.table.name)}")
    if encoding != _ENCODINGS[0]:
        lines.append(f"encoding = {_quoted(encoding)}")
    lines += _notation_lines(draft, frame)
    if draft.table is tables.PATIENT and frame[draft.columns.get("patient_id", ROW)].duplicated().any():
        lines.append("distinct = true  # several rows a person")
    lines += ["", "[table.columns]"]
    lines += [f"{name} = {_quoted(header)}" for name, header in draft.columns.items()]
    lines += [f'{name} = ""  # needed; or move it to [table.constants]' for name in draft.undecided]
    for name, codes in draft.codes.items():
        allowed = _allowed(draft.table.by_name[name])
        lines += ["", f"[table.values.{name}]  # {', '.join(allowed)}"]
        lines += [f"{_quoted(code)} = {_quoted(word)}" for code, word in codes.items()]
    for header, analyte, unit in draft.labs:
        lines += ["", "[[table.labs]]", f"column = {_quoted(header)}", f"analyte = {_quoted(analyte)}"]
        lines.append(f"unit = {_quoted(unit)}  # {catalogues.analytes()[analyte].unit} in the pool")
    return lines


def _notation_lines(draft: _Draft, frame: pd.DataFrame) -> list[str]:
    dates = list(_texts(draft, frame, "date"))
    numbers = [*_texts(draft, frame, "number", "whole"), *_column_texts(frame, (lab[0] for lab in draft.labs))]
    form = guess.date_format(dates)
    lines = []
    if form == UNDECIDED:
        lines.append(f'dates = ""  # e.g. "%d.%m.%Y"; found: {_listed(sorted(set(dates))[:4])}')
    elif form is not None:
        lines.append(f"dates = {_quoted(form)}  # found: {_listed(sorted(set(dates))[:2])}")
    if guess.has_decimal_comma(numbers):
        lines.append('decimal = ","')
    return lines


def _texts(draft: _Draft, frame: pd.DataFrame, *kinds: str) -> Iterable[str]:
    names = (header for name, header in draft.columns.items() if draft.table.by_name[name].kind in kinds)
    return _column_texts(frame, names)


def _column_texts(frame: pd.DataFrame, names: Iterable[str]) -> Iterable[str]:
    return (str(value) for name in names for value in frame[name] if not is_blank(value))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(" ".join(name.split())[:60] for name in names)


def _quoted(text: str) -> str:
    """A TOML basic string; JSON writes the same, with every control character escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
