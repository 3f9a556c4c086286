"""Generated people for property tests: rows of every clinical table that an import keeps whole."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from clams_dash.ingest.run import import_staged
from clams_dash.ingest.staging import Staged, with_rows
from clams_dash.model import catalogues, tables
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.pools import silent

Rows = dict[str, list[dict[str, Any]]]
Dictionaries = st.SearchStrategy[dict[str, Any]]

_BORN, _FIRST, _LAST = date(1950, 1, 1), date(2000, 1, 1), date(2025, 12, 31)
_IDS = st.from_regex(tables.PATIENT_ID_PATTERN, fullmatch=True)
_WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=12).filter(
    lambda text: text not in {"NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "<NA>"}
)
_DAYS = st.dates(_FIRST, _LAST)
_NUMBERS_OF_PEOPLE = st.integers(1, 3)


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def _number(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda value: round(value, 4)).filter(lambda value: low <= value <= high)


def _of(column: tables.Column) -> st.SearchStrategy[Any]:
    """Values a column may hold."""
    if column.choices is not None:
        listed = column.choices
        return st.sampled_from(list(catalogues.labels(listed)) if isinstance(listed, str) else list(listed))
    low, high = 0.0 if column.low is None else column.low, 1000.0 if column.high is None else column.high
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "number": _number(low, high), "whole": st.integers(int(low), int(high)), "flag": st.booleans(), "text": _WORDS,
    }  # fmt: skip
    return kinds[column.kind]


def _row(table: tables.Table, **fixed: Any) -> Dictionaries:
    rest = {one.name: _maybe(_of(one)) for one in table.source_columns if one.name not in fixed}
    made = {name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in fixed.items()}
    return st.fixed_dictionaries({**made, **rest})


def _several(
    rows: st.SearchStrategy[dict[str, Any]], *key: str, most: int = 3
) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(rows, max_size=most, unique_by=lambda row: tuple(row[name] for name in key))


@st.composite
def people(draw: st.DrawFn, number: st.SearchStrategy[int] = _NUMBERS_OF_PEOPLE) -> Rows:
    """One to three people with everything they may have, images apart."""
    made: Rows = {table.name: [] for table in tables.CLINICAL_TABLES if table is not tables.SERIES}
    count = draw(number)
    for patient in draw(st.lists(_IDS, min_size=count, max_size=count, unique=True)):
        for name, rows in draw(_person(patient)).items():
            made[name] += rows
    return made


@st.composite
def _person(draw: st.DrawFn, patient: str) -> Rows:
    born = _maybe(st.dates(_BORN, date(1990, 1, 1)))
    synthetic, course = st.booleans(), st.sampled_from(list(catalogues.labels("courses")))
    person = _row(
        tables.PATIENT, patient_id=patient, birth_date=born, birth_date_approximate=st.booleans(),
        onset_date=_maybe(_DAYS), diagnosis_date=_maybe(_DAYS), synthetic=synthetic, course=course,
    )  # fmt: skip
    study = _row(
        tables.MRI, study_id=st.uuids().map(lambda one: f"{one}_s"), patient_id=patient, date=_DAYS,
        comparison_study_id=None,
    )  # fmt: skip
    studies = draw(_several(study, "study_id", most=2))
    lesions = [lesion for one in studies for lesion in draw(_several(_lesion(one["study_id"]), "lesion_id"))]
    return {
        "patient": [draw(person)],
        "visit": draw(_several(_row(tables.VISIT, patient_id=patient, date=_DAYS), "date")),
        "relapse": draw(_several(_row(tables.RELAPSE, patient_id=patient, date=_DAYS), "date")),
        "treatment": draw(_several(_course(patient), "dmt", "start_date")),
        "clinical_fact": draw(_several(_fact(patient), "date", "kind", "value")),
        "lab": draw(_several(_lab(patient), "date", "analyte", "specimen")),
        "mri": studies,
        "lesion": lesions,
    }


def _lesion(study: str) -> Dictionaries:
    return _row(tables.LESION, study_id=study, lesion_id=st.integers(1, 40), volume_mm3=_number(0, 9999))


@st.composite
def _course(draw: st.DrawFn, patient: str) -> dict[str, Any]:
    start, dmts = draw(_DAYS), st.sampled_from(list(catalogues.dmts()))
    stop = _maybe(st.integers(1, 900).map(lambda days: min(start + timedelta(days=days), _LAST)))
    row = draw(_row(tables.TREATMENT, patient_id=patient, dmt=dmts, start_date=start, stop_date=stop))
    return row if row["stop_date"] else {**row, "stop_reason": None}


def _fact(patient: str) -> Dictionaries:
    kinds = st.sampled_from([kind for kind in catalogues.labels("fact_kinds") if kind != "death"])
    return _row(tables.CLINICAL_FACT, patient_id=patient, date=_DAYS, kind=kinds)


@st.composite
def _lab(draw: st.DrawFn, patient: str) -> dict[str, Any]:
    analyte = draw(st.sampled_from(list(catalogues.analytes().values())))
    value = draw(_number(analyte.plausible_low, analyte.plausible_high))
    row = _row(
        tables.LAB, patient_id=patient, date=_DAYS, analyte=analyte.analyte, value=value, unit=analyte.unit,
        loinc=_maybe(st.just(analyte.loinc)), lower_limit=_maybe(_number(0, 50)), upper_limit=_maybe(_number(50, 90)),
    )  # fmt: skip
    return draw(row)


def import_rows(folder: PoolFolder, rows: Rows, delivery: str = "first") -> None:
    """Import generated rows; every one of them has to be kept."""
    frames = {
        name: with_rows(pd.DataFrame(lines, dtype=object), f"{name}.csv") for name, lines in rows.items() if lines
    }
    staged = Staged(format="tables", source="generated", sha256=f"{folder.path} {delivery}", frames=frames)
    report = import_staged(folder, staged, centre=None, dry_run=False, progress=silent)
    assert report.errors == 0, [reject for reject in report.rejects if reject.severity == "error"]


def held(folder: PoolFolder, *without: str) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of every clinical table in their order, without where they came from."""
    database = Database(folder)
    provenance = [column.name for column in tables.PROVENANCE]
    found = {}
    for table in tables.CLINICAL_TABLES:
        frame = database.frame(table).drop(columns=provenance)
        plain = frame.astype(object).where(frame.notna(), None)
        rows = [tuple(map(_comparable, row)) for row in plain.itertuples(index=False, name=None)]
        if table.name not in without:
            found[table.name] = sorted(rows, key=repr)
    database.close()
    return found


def _comparable(value: Any) -> Any:
    return tuple(value) if isinstance(value, np.ndarray) else value


def building_pools(examples: int) -> settings:
    """Settings of properties whose every example builds pools: shrinking one would take minutes."""
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )
