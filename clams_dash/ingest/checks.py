"""Checks of staged frames against the description of the tables: what is kept, what is set aside and why.

An error sets its row aside; every fault of a row is reported, each with file, row, column and value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import pandas as pd
import pandera.pandas as pa

from clams_dash.ingest.belonging import belonging, claimed, erased
from clams_dash.ingest.consistency import warnings
from clams_dash.ingest.faults import Fault
from clams_dash.ingest.known import Known, look_up
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
_SCHEMA_RULES = frozenset({"choices", "pattern", "control", "low", "high"})


@dataclass(frozen=True)
class Checked:
    """Typed frames of what is kept (all source columns plus ``_source_*``), and the faults found."""

    frames: dict[str, pd.DataFrame]
    rejects: list[Reject]
    rows_read: int


@dataclass
class _Context:
    """What rows are compared with: births and deaths by patient, studies of this import with their patient."""

    births: pd.Series
    deaths: pd.Series
    today: date
    studies: pd.Series = field(default_factory=lambda: pd.Series(dtype=object))


def check(staged: Staged, known: Known, today: date, *, centre: str | None = None, shifted: bool = False) -> Checked:
    """Check every staged frame, patients first, then studies, then the rest; then what holds across them.

    Parameters
    ----------
    known
        What the pool holds about the people of the import.
    centre
        Centre of people that name none.
    shifted
        Whether dates were moved back with the pseudonyms, so that none can be compared with the calendar.
    """
    frames: dict[str, pd.DataFrame] = {}
    rejects = list(staged.notes)
    context = _Context(known.people()["birth_date"], _deaths(staged, known), today)
    claims: dict[str, str] = {}
    for table in tables.CLINICAL_TABLES:
        if table.name not in staged.frames:
            continue
        raw = staged.frames[table.name].reset_index(drop=True)
        frame, faults = _typed(raw, table)
        faults += _against_schema(frame, raw, table)
        faults += _across_rows(frame, table, context)
        if table is tables.PATIENT:
            claims = claimed(frame, centre)
        faults += belonging(frame, table, known, centre, claims)
        faults += _duplicates(frame, table, {fault.row for fault in faults})
        gone = erased(frame, known)
        faults = gone + [fault for fault in faults if fault.row not in {fault.row for fault in gone}]
        bad = {fault.row for fault in faults}
        rejects += [fault.reject(table, raw) for fault in sorted(faults, key=lambda fault: fault.row)]
        kept = frame[~frame.index.isin(bad)].reset_index(drop=True)
        frames[table.name] = kept
        if table is tables.PATIENT:
            context.births = _later(context.births, kept.set_index("patient_id")["birth_date"])
        if table is tables.MRI:
            context.studies = kept.set_index("study_id")["patient_id"]
    rejects += warnings(frames, known, shifted=shifted)
    return Checked(frames, rejects, sum(len(frame) for frame in staged.frames.values()))


def _deaths(staged: Staged, known: Known) -> pd.Series:
    """Recorded day of death by patient, from the pool and from this import."""
    table = tables.CLINICAL_FACT
    held = known.frame(table)
    deaths = [held.loc[held["kind"] == "death", ["patient_id", "date"]]]
    raw = staged.frames.get(table.name)
    if raw is not None and {"patient_id", "date", "kind"} <= set(raw.columns):
        told = raw[raw["kind"].astype("string").str.strip().eq("death").fillna(False).astype(bool)]
        day = parse_column(told["date"], table.by_name["date"]).values
        deaths.append(pd.DataFrame({"patient_id": told["patient_id"], "date": day}))
    found = [frame.astype({"patient_id": object, "date": "datetime64[us]"}) for frame in deaths if len(frame)]
    if not found:
        return pd.Series(dtype="datetime64[us]")
    first: pd.Series = pd.concat(found).dropna().groupby("patient_id")["date"].min()
    return first


def _typed(raw: pd.DataFrame, table: Table) -> tuple[pd.DataFrame, list[Fault]]:
    columns: dict[str, pd.Series] = {}
    faults: list[Fault] = []
    for column in table.source_columns:
        if column.name not in raw.columns:
            columns[column.name] = empty_column(column, raw.index)
            continue
        parsed = parse_column(raw[column.name], column)
        columns[column.name] = parsed.values
        faults += [
            Fault(int(row), column.name, "unreadable", f"{column.name}: {parsed.expected} is needed")
            for row in raw.index[parsed.unreadable]
        ]
    frame = pd.DataFrame(columns, index=raw.index).assign(**{FILE: raw[FILE], ROW: raw[ROW]})
    return frame, faults


def _against_schema(frame: pd.DataFrame, raw: pd.DataFrame, table: Table) -> list[Fault]:
    try:
        _schema(table).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        faults = [
            Fault(int(row), str(column), _rule(str(check)), _reason(table.by_name[str(column)], str(check)))
            for row, column, check in zip(cases["index"], cases["column"], cases["check"], strict=True)
        ]
        # A value that could not be read was reported as such; it is not missing as well.
        return [fault for fault in faults if fault.rule != "missing" or _was_blank(raw, fault)]
    return []


def _was_blank(raw: pd.DataFrame, fault: Fault) -> bool:
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


def _rule(check: str) -> str:
    return check if check in _SCHEMA_RULES else "missing"


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


def _across_rows(frame: pd.DataFrame, table: Table, context: _Context) -> list[Fault]:
    faults: list[Fault] = []

    def report(mask: pd.Series, column: str, rule: str, reason: str) -> None:
        rows = frame.index[mask.fillna(False).astype(bool)]
        faults.extend(Fault(int(row), column, rule, f"{column}: {reason}") for row in rows)

    has_patient = "patient_id" in frame
    if table is not tables.PATIENT and has_patient:
        unknown = frame["patient_id"].notna() & ~frame["patient_id"].isin(context.births.index)
        report(unknown, "patient_id", "unknown_patient", "no such patient here or in the pool")
    if table in (tables.SERIES, tables.LESION):
        unknown = frame["study_id"].notna() & ~frame["study_id"].isin(context.studies.index)
        reason = "no such MRI study in this import; bring the row of table mri with it"
        report(unknown, "study_id", "unknown_study", reason)
    latest = pd.Timestamp(context.today + timedelta(days=1))
    for name in _date_columns(table):
        report(frame[name] > latest, name, "future", "lies in the future")
        if name != "birth_date":
            born = frame["birth_date"] if table is tables.PATIENT else look_up(frame["patient_id"], context.births)
            report(frame[name] < born, name, "before_birth", "lies before the patient's birth")
        died = look_up(frame["patient_id"], context.deaths)
        report(frame[name] > died, name, "after_death", "lies after the patient's recorded death")
    if table is tables.PATIENT:
        report(frame["birth_date"] < _EARLIEST_BIRTH, "birth_date", "low", "lies before 1900")
    if table is tables.TREATMENT:
        reason = "lies before the start of the therapy"
        report(frame["stop_date"] < frame["start_date"], "stop_date", "stop_before_start", reason)
    if table is tables.LAB:
        faults += _lab_faults(frame)
    return faults


def _date_columns(table: Table) -> Iterator[str]:
    return (column.name for column in table.source_columns if column.kind == "date")


def _lab_faults(frame: pd.DataFrame) -> list[Fault]:
    known = catalogues.analytes()
    rows = zip(frame.index, frame["analyte"], frame["unit"], frame["value"], strict=True)
    faults: list[Fault] = []
    for row, name, unit, value in rows:
        analyte = known.get(name) if isinstance(name, str) else None
        if analyte is None or not isinstance(unit, str):
            continue
        if unit != analyte.unit:
            reason = f"unit: {name} is kept in {analyte.unit}; convert the value"
            faults.append(Fault(int(row), "unit", "lab_unit", reason))
        elif not analyte.plausible_low <= value <= analyte.plausible_high:
            limits = f"{analyte.plausible_low:g} to {analyte.plausible_high:g} {analyte.unit}"
            faults.append(Fault(int(row), "value", "implausible", f"value: not plausible for {name} ({limits})"))
    return faults


def _duplicates(frame: pd.DataFrame, table: Table, bad: set[int]) -> list[Fault]:
    key = list(table.key)
    good = frame[~frame.index.isin(bad)]
    again = good[good.duplicated(key, keep="first")]
    reason = f"{', '.join(key)}: a second row with the same key"
    return [Fault(int(row), key[-1], "duplicate", reason) for row in again.index]


def _later(first: pd.Series, second: pd.Series) -> pd.Series:
    """Both series; where both have an entry, the second's."""
    if first.empty or second.empty:
        return second if first.empty else first
    both: pd.Series = pd.concat([first[~first.index.isin(second.index)].astype(second.dtype), second])
    return both
