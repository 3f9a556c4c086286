"""Checks of staged frames against the description of the tables: what is kept, what is set aside and why.

An error sets its row aside; every fault of a row is reported, each with file, row, column and value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd
import pandera.pandas as pa

from clams_dash.ingest.parse import empty_column, is_blank, parse_column
from clams_dash.ingest.staging import FILE, ROW, Reject, Staged
from clams_dash.model import catalogues, tables
from clams_dash.model.tables import Column, Table

_CATALOGUES = {
    "dmts": lambda: tuple(catalogues.dmts()),
    "analytes": lambda: tuple(catalogues.analytes()),
    "courses": lambda: tuple(catalogues.labels("courses")),
    "sequences": lambda: tuple(catalogues.labels("sequences")),
    "stop_reasons": lambda: tuple(catalogues.labels("stop_reasons")),
    "fact_kinds": lambda: tuple(catalogues.labels("fact_kinds")),
}


_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_EARLIEST_BIRTH = pd.Timestamp("1900-01-01")


@dataclass(frozen=True, slots=True)
class Known:
    """What the pool already holds: birth dates by patient, and the keys of its rows by table."""

    births: pd.Series
    keys: Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Checked:
    """Typed frames of what is kept (all source columns plus ``_source_*``), and the faults found."""

    frames: dict[str, pd.DataFrame]
    rejects: list[Reject]
    rows_read: int


def check(staged: Staged, known: Known, today: date) -> Checked:
    """Check every staged frame, patients first, then studies, then the rest."""
    frames: dict[str, pd.DataFrame] = {}
    rejects = list(staged.notes)
    births, studies = known.births, pd.Series(dtype=object)
    for table in tables.CLINICAL_TABLES:
        if table.name not in staged.frames:
            continue
        raw = staged.frames[table.name].reset_index(drop=True)
        frame, faults = _typed(raw, table)
        faults += _against_schema(frame, raw, table)
        faults += _across_rows(frame, table, births, studies, today)
        faults += _duplicates(frame, table, known.keys.get(table.name), {fault.row for fault in faults})
        bad = {fault.row for fault in faults}
        rejects += [fault.reject(table, raw) for fault in sorted(faults, key=lambda fault: fault.row)]
        kept = frame[~frame.index.isin(bad)].reset_index(drop=True)
        frames[table.name] = kept
        if table is tables.PATIENT:
            births = _indexed(births, kept.set_index("patient_id")["birth_date"])
        if table is tables.MRI:
            studies = kept.set_index("study_id")["patient_id"]
    return Checked(frames, rejects, sum(len(frame) for frame in staged.frames.values()))


@dataclass(frozen=True, slots=True)
class _Fault:
    row: int
    column: str | None
    reason: str

    def reject(self, table: Table, raw: pd.DataFrame) -> Reject:
        value = None if self.column not in raw.columns else raw[self.column].iloc[self.row]
        file, line = str(raw[FILE].iloc[self.row]), int(raw[ROW].iloc[self.row])
        text = None if is_blank(value) else _as_text(value)
        return Reject(table.name, file, line, self.column, text, f"{self.reason}; row set aside")


def _as_text(value: object) -> str:
    return value.date().isoformat() if isinstance(value, pd.Timestamp) else str(value)[:200]


def _typed(raw: pd.DataFrame, table: Table) -> tuple[pd.DataFrame, list[_Fault]]:
    columns: dict[str, pd.Series] = {}
    faults: list[_Fault] = []
    for column in table.source_columns:
        if column.name not in raw.columns:
            columns[column.name] = empty_column(column, raw.index)
            continue
        parsed = parse_column(raw[column.name], column)
        columns[column.name] = parsed.values
        faults += [
            _Fault(int(row), column.name, f"{column.name}: {parsed.expected} is needed")
            for row in raw.index[parsed.unreadable]
        ]
    frame = pd.DataFrame(columns, index=raw.index).assign(**{FILE: raw[FILE], ROW: raw[ROW]})
    return frame, faults


def _against_schema(frame: pd.DataFrame, raw: pd.DataFrame, table: Table) -> list[_Fault]:
    try:
        _schema(table).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        faults = [
            _Fault(int(row), str(column), _reason(table.by_name[str(column)], str(check)))
            for row, column, check in zip(cases["index"], cases["column"], cases["check"], strict=True)
        ]
        # A value that could not be read was reported as such; it is not missing as well.
        return [fault for fault in faults if "a value is needed" not in fault.reason or _was_blank(raw, fault)]
    return []


def _was_blank(raw: pd.DataFrame, fault: _Fault) -> bool:
    return fault.column not in raw.columns or is_blank(raw[fault.column].iloc[fault.row])


def _schema(table: Table) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(
        {
            column.name: pa.Column(checks=_checks(column), nullable=not column.required, required=True, coerce=False)
            for column in table.source_columns
        }
    )


def _checks(column: Column) -> list[pa.Check]:
    checks = []
    if column.choices is not None:
        checks.append(pa.Check.isin(_allowed(column), error="choices"))
    if column.pattern is not None:
        checks.append(pa.Check.str_matches(f"^(?:{column.pattern})$", error="pattern"))
    if column.kind == "text":
        checks.append(
            pa.Check(
                lambda texts: ~texts.str.contains(_CONTROL, regex=True).fillna(False).astype(bool), error="control"
            )
        )
    if column.low is not None:
        checks.append(pa.Check.ge(column.low, error="low"))
    if column.high is not None:
        checks.append(pa.Check.le(column.high, error="high"))
    return checks


def _allowed(column: Column) -> tuple[str | float, ...]:
    return _CATALOGUES[column.choices]() if isinstance(column.choices, str) else column.choices or ()


def _reason(column: Column, check: str) -> str:
    unit = f" {column.unit}" if column.unit else ""
    if check == "choices" and column.name == "edss":
        return "edss: not on the EDSS scale (0, 1.0, 1.5 ... 10.0; 0.5 does not exist)"
    if check == "choices":
        allowed = [str(choice) for choice in _allowed(column)]
        listed = ", ".join(allowed) if len(allowed) <= 12 else f"see data/catalogues/{column.choices}.csv"
        return f"{column.name}: not one of the known values ({listed})"
    if check == "pattern":
        return f"{column.name}: {column.meaning}"
    if check == "control":
        return f"{column.name}: holds control characters"
    if check == "low":
        return f"{column.name}: below the lowest possible value {column.low:g}{unit}"
    if check == "high":
        return f"{column.name}: above the highest possible value {column.high:g}{unit}"
    return f"{column.name}: a value is needed"


def _across_rows(frame: pd.DataFrame, table: Table, births: pd.Series, studies: pd.Series, today: date) -> list[_Fault]:
    faults: list[_Fault] = []

    def report(mask: pd.Series, column: str, reason: str) -> None:
        faults.extend(
            _Fault(int(row), column, f"{column}: {reason}") for row in frame.index[mask.fillna(False).astype(bool)]
        )

    if table is not tables.PATIENT and "patient_id" in frame:
        report(
            frame["patient_id"].notna() & ~frame["patient_id"].isin(births.index),
            "patient_id",
            "no such patient here or in the pool",
        )
    if table in (tables.SERIES, tables.LESION):
        report(
            frame["study_id"].notna() & ~frame["study_id"].isin(studies.index),
            "study_id",
            "no such MRI study in this import; bring the row of table mri with it",
        )
    latest = pd.Timestamp(today + timedelta(days=1))
    for name in _date_columns(table):
        report(frame[name] > latest, name, "lies in the future")
        born = frame["birth_date"] if table is tables.PATIENT else frame["patient_id"].map(births)
        if name != "birth_date":
            report(frame[name] < born, name, "lies before the patient's birth")
    if table is tables.PATIENT:
        report(frame["birth_date"] < _EARLIEST_BIRTH, "birth_date", "lies before 1900")
    if table is tables.TREATMENT:
        report(frame["stop_date"] < frame["start_date"], "stop_date", "lies before the start of the therapy")
    if table is tables.LAB:
        faults += _lab_faults(frame)
    return faults


def _date_columns(table: Table) -> Iterator[str]:
    return (column.name for column in table.source_columns if column.kind == "date")


def _lab_faults(frame: pd.DataFrame) -> list[_Fault]:
    known = catalogues.analytes()
    rows = zip(frame.index, frame["analyte"], frame["unit"], frame["value"], strict=True)
    faults: list[_Fault] = []
    for row, name, unit, value in rows:
        analyte = known.get(name) if isinstance(name, str) else None
        if analyte is None or not isinstance(unit, str):
            continue
        if unit != analyte.unit:
            faults.append(_Fault(int(row), "unit", f"unit: {name} is kept in {analyte.unit}; convert the value"))
        elif not analyte.plausible_low <= value <= analyte.plausible_high:
            limits = f"{analyte.plausible_low:g} to {analyte.plausible_high:g} {analyte.unit}"
            faults.append(_Fault(int(row), "value", f"value: not plausible for {name} ({limits})"))
    return faults


def _duplicates(frame: pd.DataFrame, table: Table, held: pd.DataFrame | None, bad: set[int]) -> list[_Fault]:
    key = list(table.key)
    good = frame[~frame.index.isin(bad)]
    again = good[good.duplicated(key, keep="first")]
    faults = [_Fault(int(row), key[-1], f"{', '.join(key)}: a second row with the same key") for row in again.index]
    if held is not None and len(held) and len(good):
        mine = pd.MultiIndex.from_frame(good[key].astype("string").fillna(""))
        theirs = pd.MultiIndex.from_frame(held[key].astype("string").fillna(""))
        faults += [
            _Fault(int(row), key[-1], f"{', '.join(key)}: the pool already holds a row with this key")
            for row in good.index[mine.isin(theirs)]
            if row not in again.index
        ]
    return faults


def _indexed(first: pd.Series, second: pd.Series) -> pd.Series:
    return second if first.empty else first if second.empty else pd.concat([first, second])
