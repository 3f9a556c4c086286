"""The mapping file (TOML or YAML): which file and column of a centre is which table and column of the pool."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from clams_dash.errors import ImportRefused
from clams_dash.model import catalogues, tables

MAPPING_NAMES = ("mapping.toml", "mapping.yaml", "mapping.yml")
UNDECIDED = ""
"""What a draft writes where a person has to decide; a mapping with any left is refused."""
EXCEL_DAYS = "excel"
"""Date format of day numbers as Excel keeps them (1 = 1 January 1900)."""

_LARGEST_BYTES = 1 << 20


def _as_text(value: object) -> object:
    """Codes are texts, however the file writes them: ``1``, ``true`` and ``2020-01-01`` without quotes too."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value is not None and not isinstance(value, str | dict | list) else value


Text = Annotated[str, BeforeValidator(_as_text)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LabColumn(_Part):
    """A column that holds the results of one analyte (a wide table of laboratory values)."""

    column: str
    analyte: str
    unit: str


class TableMapping(_Part):
    """One source table to one table of the pool.

    Attributes
    ----------
    file, sheet
        File name within the source, and the worksheet of a workbook.
    into
        Table of the pool.
    columns
        Column of the pool = column of the source.
    constants
        Column of the pool = the same value in every row.
    values
        For a column of the pool: code of the source = word of the pool; ``NA`` for not known.
    units
        For a column of the pool with a unit: the source's unit.
    labs
        Columns of single analytes, each giving a row of the table ``lab``.
    dates, decimal, encoding
        As in the mapping itself, for this table only.
    distinct
        Rows that say the same once more are left out (a person's data repeated in every visit).
    """

    file: str
    sheet: str | None = None
    into: str
    columns: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, Text] = Field(default_factory=dict)
    values: dict[str, dict[Text, Text]] = Field(default_factory=dict)
    units: dict[str, str] = Field(default_factory=dict)
    labs: list[LabColumn] = Field(default_factory=list)
    dates: str | None = None
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    distinct: bool = False


class Mapping(_Part):
    """A whole mapping file: what holds for every table, and the tables."""

    centre: str | None = None
    dates: str | None = None
    decimal: Literal[".", ","] = "."
    encoding: str = "utf-8-sig"
    table: list[TableMapping] = Field(min_length=1)


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises
    ------
    ImportRefused
        Naming the file and the entry: not TOML or YAML, an unknown entry, table, column or analyte, or something a
        draft left undecided.
    """
    try:
        mapping = Mapping.model_validate(_load(path))
    except ValidationError as error:
        raise ImportRefused(f"{path}: {_first_fault(error)}") from error
    for number, table in enumerate(mapping.table, 1):
        for fault in _faults(table):
            raise ImportRefused(f"{path}: table {number} ({table.file} into {table.into}): {fault}")
    if mapping.dates == UNDECIDED:
        raise ImportRefused(f"{path}: dates is not decided; give the date format, e.g. '%d.%m.%Y'")
    return mapping


def _load(path: Path) -> Any:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise ImportRefused(f"{path}: is larger than {_LARGEST_BYTES // 1024} KiB; no mapping needs that")
        text = path.read_text(encoding="utf-8-sig")
        return tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except OSError as error:
        raise ImportRefused(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ImportRefused(f"{path}: is not UTF-8 text (byte {error.start})") from error
    except (tomllib.TOMLDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ImportRefused(f"{path}: cannot be read ({' '.join(str(error).split())})") from error


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in fault["loc"]) or "the file"
    if fault["type"] == "extra_forbidden":
        return f"{place}: no such entry in a mapping"
    return f"{place}: {fault['msg'].lower()}"


def _faults(table: TableMapping) -> list[str]:
    known_tables = [one.name for one in tables.CLINICAL_TABLES]
    if table.into not in known_tables:
        return [f"into: no table {table.into!r} in the pool ({', '.join(known_tables)})"]
    known = [column.name for column in tables.BY_NAME[table.into].source_columns]
    named = [*table.columns, *table.constants, *table.values, *table.units]
    faults = [f"{name!r} is not a column of {table.into}{_near(name, known)}" for name in named if name not in known]
    faults += [f"columns.{name} is not decided" for name, column in table.columns.items() if column == UNDECIDED]
    faults += [f"constants.{name} is not decided" for name, value in table.constants.items() if value == UNDECIDED]
    faults += [
        f"values.{name}: {code!r} is not decided; give the pool's word for it, or NA"
        for name, words in table.values.items()
        for code, word in words.items()
        if word == UNDECIDED
    ]
    faults += [f"labs: {lab.column!r}: its unit is not decided" for lab in table.labs if lab.unit == UNDECIDED]
    faults += [
        f"labs: no analyte {lab.analyte!r}{_near(lab.analyte, list(catalogues.analytes()))}"
        for lab in table.labs
        if lab.analyte not in catalogues.analytes()
    ]
    if table.labs and table.into != "lab":
        faults.append("labs: only for the table lab")
    if table.dates == UNDECIDED:
        faults.append("dates is not decided; give the date format, e.g. '%d.%m.%Y'")
    return faults


def _near(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
