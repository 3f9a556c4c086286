"""Format ``synthea``: the CSV export of the Synthea population simulator.

People with MS are found by SNOMED CT (24700007 and its courses), the EDSS by 273554001, drugs by RxNorm or name,
laboratory results by LOINC, MRI by procedure. Names, addresses and other identity of the export are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from clams_dash.errors import ImportRefused
from clams_dash.ingest.coded.records import Coded, CodedRecords
from clams_dash.ingest.parse import is_blank
from clams_dash.ingest.staging import FILE, ROW, Staged, digest
from clams_dash.ingest.tabular import read_sheet, refuse_outside, sheets

CENTRE = "Synthea"
_SEXES = {"F": "female", "M": "male"}
_NEEDED = {
    "patients": ("ID", "BIRTHDATE", "GENDER"),
    "conditions": ("START", "PATIENT", "CODE"),
    "observations": ("DATE", "PATIENT", "CODE", "VALUE"),
    "medications": ("START", "STOP", "PATIENT", "CODE"),
    "procedures": ("PATIENT", "CODE"),
    "encounters": ("START", "PATIENT"),
}
_FIRST_LINE_BYTES = 4096


def recognises(source: Path) -> bool:
    """Whether ``source`` is an export folder, or Synthea's output folder with ``csv`` in it."""
    folder = _folder(source)
    if folder is None or not (folder / "conditions.csv").is_file():
        return False
    with (folder / "patients.csv").open("rb") as handle:
        header = handle.readline(_FIRST_LINE_BYTES).decode("utf-8-sig", errors="replace").upper()
    return {"ID", "BIRTHDATE", "GENDER"} <= {name.strip('" \r\n') for name in header.split(",")}


def stage(source: Path) -> Staged:
    """Read the export.

    Raises ImportRefused, naming file and column, when a file lacks a column, cannot be read, or nobody has MS.
    """
    folder = _folder(source)
    if folder is None:
        raise ImportRefused(f"{source}: holds no patients.csv of a Synthea export")
    tables = {name: _read(folder, name) for name in _NEEDED if (folder / f"{name}.csv").is_file()}
    for name in ("patients", "conditions"):
        if name not in tables:
            raise ImportRefused(f"{folder}: {name}.csv of the Synthea export is missing")
    records = CodedRecords()
    for row in _rows(tables["patients"]):
        _person(records, row)
    for row in _rows(tables["conditions"]):
        records.condition(_entry(row, "snomed"), onset=None, recorded=_day(row, "START"))
    kept = records.with_ms()
    for name, take in _TAKERS.items():
        if name in tables:
            mine = tables[name]["PATIENT"].isin(kept)
            for row in _rows(tables[name][mine]):
                take(records, row)
    return Staged(
        format="synthea",
        source=str(source),
        sha256=digest((f"{name}.csv", folder / f"{name}.csv") for name in tables),
        frames=records.frames(str(source)),
        centre=CENTRE,
        notes=tuple(records.notes),
    )


def _folder(source: Path) -> Path | None:
    return next((folder for folder in (source, source / "csv") if (folder / "patients.csv").is_file()), None)


def _read(folder: Path, name: str) -> pd.DataFrame:
    file = folder / f"{name}.csv"
    refuse_outside(file, folder)
    frame = read_sheet(sheets(file)[0])
    frame.columns = pd.Index([name if name in (FILE, ROW) else str(name).upper() for name in frame.columns])
    for column in _NEEDED[name]:
        if column not in frame.columns:
            raise ImportRefused(f"{file}: row 1: column {column!r} of the Synthea export is missing")
    return frame


def _rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for record in frame.to_dict("records"):
        yield {str(name): None if is_blank(value) else value for name, value in record.items()}


def _entry(row: dict[str, Any], system: str) -> Coded:
    code = ((str(row.get("SYSTEM") or system), str(row["CODE"])),) if row.get("CODE") else ()
    return Coded(str(row["PATIENT"] or ""), code, str(row.get("DESCRIPTION") or ""), row[FILE], row[ROW])


def _day(row: dict[str, Any], column: str) -> str | None:
    return str(row[column])[:10] if row.get(column) else None


def _person(records: CodedRecords, row: dict[str, Any]) -> None:
    patient = str(row["ID"] or "")
    records.person(
        patient, row[FILE], row[ROW], sex=_SEXES.get(str(row["GENDER"])), birth_date=_day(row, "BIRTHDATE"),
        synthetic=True,
    )  # fmt: skip
    if row.get("DEATHDATE"):
        entry = Coded(patient, (), "", row[FILE], row[ROW])
        records.add("clinical_fact", entry, date=_day(row, "DEATHDATE"), kind="death")


def _observation(records: CodedRecords, row: dict[str, Any]) -> None:
    entry = _entry(row, "loinc")
    # EDSS has no LOINC code: the export gives its SNOMED CT code in the same column.
    entry = Coded(entry.patient, (*entry.codes, ("snomed", str(row["CODE"]))), entry.text, entry.file, entry.row)
    records.observation(entry, _day(row, "DATE"), row["VALUE"], row.get("UNITS"))


def _drug(records: CodedRecords, row: dict[str, Any]) -> None:
    records.drug(_entry(row, "rxnorm"), _day(row, "START"), _day(row, "STOP"))


def _procedure(records: CodedRecords, row: dict[str, Any]) -> None:
    records.procedure(_entry(row, "snomed"), _day(row, "START") or _day(row, "DATE"))


def _encounter(records: CodedRecords, row: dict[str, Any]) -> None:
    records.contact(_entry(row, "snomed"), _day(row, "START"))


_TAKERS = {
    "observations": _observation,
    "medications": _drug,
    "procedures": _procedure,
    "encounters": _encounter,
}
