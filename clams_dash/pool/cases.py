"""Cases out of the pool: one person's records, the page of the case list, image files by opaque id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd

from clams_dash.errors import UnknownPatient
from clams_dash.model import derived, records, tables
from clams_dash.pool.database import Database
from clams_dash.pool.search import find

_SERIES_ID = re.compile(r"[0-9a-f]{32}")
TRAINING_TABLES = (
    tables.PATIENT, tables.VISIT, tables.RELAPSE, tables.TREATMENT, tables.CLINICAL_FACT, tables.LAB, tables.MRI,
)  # fmt: skip
CASE_TABLES = (*tables.CLINICAL_TABLES, *tables.DERIVED_TABLES)
"""What makes up a case."""


class SortKey(StrEnum):
    """Columns the case list may be sorted by."""

    PATIENT = "patient_id"
    SEX = "sex"
    AGE = "age"
    COURSE = "course"
    CENTRE = "centre"
    EDSS = "last_edss"
    DMT = "dmt"
    RELAPSES = "relapses_24m"
    LAST_DATE = "last_date"
    LAST_MRI = "last_mri_date"
    NEW_T2 = "last_new_t2"
    IMAGES = "studies_with_images"


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One line of the case list; None = not known."""

    patient_id: str
    sex: str | None
    birth_date: date | None
    course: str | None
    centre: str | None
    synthetic: bool
    last_date: date | None
    last_edss: float | None
    dmt: str | None
    has_treatment_record: bool
    relapses_24m: int
    has_relapse_record: bool
    last_mri_date: date | None
    last_new_t2: int | None
    studies_with_images: int


@dataclass(frozen=True, slots=True)
class PoolCounts:
    """How many people the pool holds, and of which kind."""

    patients: int
    synthetic: int
    not_synthetic: int
    with_images: int


def case_page(
    database: Database,
    *,
    search: str = "",
    sort: SortKey = SortKey.IMAGES,
    descending: bool = True,
    rows: int = 50,
    first: int = 0,
) -> tuple[list[CaseRow], int]:
    """Return one page of the case list and how many cases match ``search`` (pseudonym, course, therapy, centre)."""
    text = search.strip().lower()[:100]
    page, found = find(database, text, sort=sort.value, descending=descending, rows=min(rows, 500), first=first)
    wanted = CaseRow.__dataclass_fields__
    return [CaseRow(**{name: row[name] for name in wanted}) for row in page], found


def pool_counts(database: Database) -> PoolCounts:
    """Count the people of the pool."""
    return PoolCounts(**database.rows("pool_counts")[0])


def load_frames(database: Database, *, synthetic: bool) -> dict[str, pd.DataFrame]:
    """Tables the therapy-response model reads, of all synthetic people of the pool or of all others."""
    frames = {table.name: database.frame(table) for table in TRAINING_TABLES}
    people = frames["patient"]
    chosen = people.loc[people["synthetic"].fillna(False).astype(bool) == synthetic, "patient_id"]
    return {name: frame[frame["patient_id"].isin(chosen)] for name, frame in frames.items()}


def load_patient_frames(database: Database, patient_id: str) -> dict[str, pd.DataFrame]:
    """The same tables of one person. Raises UnknownPatient."""
    frames = {table.name: database.frame(table, patient_id) for table in TRAINING_TABLES}
    if frames["patient"].empty:
        raise _unknown(patient_id)
    return frames


@dataclass(frozen=True, slots=True)
class DisplayCopy:
    """Where a series' display copy lies, the digest it must have, whose it is, and its grid (RAS+ mm)."""

    path: Path
    sha256: str
    patient_id: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]


def display_copy(database: Database, series_id: str) -> DisplayCopy | None:
    """Find the display copy of a series; None when there is no such series.

    The id is opaque; the path comes from the pool and never from the request.
    """
    if not _SERIES_ID.fullmatch(series_id):
        return None
    found = database.rows("display_copy", [series_id])
    if not found:
        return None
    row = found[0]
    return DisplayCopy(
        path=database.folder.imaging / row["display_path"],
        sha256=row["display_sha256"],
        patient_id=row["patient_id"],
        shape=tuple(row["shape"]),
        spacing_mm=tuple(row["spacing_mm"]),
        origin_mm=tuple(row["origin_mm"]),
    )


@dataclass(frozen=True, slots=True)
class MeshFile:
    """Where a surface lies and the digest it must have."""

    path: Path
    sha256: str


def mesh_file(database: Database, mesh_id: str) -> MeshFile | None:
    """Find a surface by its opaque id; None when there is no such surface."""
    if not _SERIES_ID.fullmatch(mesh_id):
        return None
    found = database.rows("mesh_file", [mesh_id])
    return MeshFile(database.folder.imaging / found[0]["path"], found[0]["sha256"]) if found else None


def load_case(database: Database, patient_id: str) -> records.Case:
    """Everything the pool knows about one person. Raises UnknownPatient."""
    if not isinstance(patient_id, str) or not re.fullmatch(tables.PATIENT_ID_PATTERN, patient_id):
        raise _unknown(str(patient_id))
    held = database.person(CASE_TABLES, patient_id)
    if not held["patient"]:
        raise _unknown(patient_id)

    def rows(table: tables.Table) -> list[dict[str, Any]]:
        return held[table.name]

    series = [_series(row) for row in rows(tables.SERIES)]
    aligned = [_aligned(row) for row in rows(tables.ALIGNED)]
    registrations = {row["study_id"]: _registration(row) for row in rows(tables.REGISTRATION)}
    courses = {(row["study_id"], row["lesion_id"]): _course(row) for row in rows(tables.LESION_COURSE)}
    pairs = {row["study_id"]: _pair(row) for row in rows(tables.STUDY_PAIR)}
    meshes = [_mesh(row) for row in rows(tables.MESH)]
    lesions = [_lesion(row, courses) for row in rows(tables.LESION)]
    return records.Case(
        patient=_patient(held["patient"][0]),
        visits=tuple(_visit(row) for row in rows(tables.VISIT)),
        relapses=tuple(_relapse(row) for row in rows(tables.RELAPSE)),
        treatments=tuple(_plain(records.TreatmentCourse, row) for row in rows(tables.TREATMENT)),
        facts=tuple(_plain(records.ClinicalFact, row) for row in rows(tables.CLINICAL_FACT)),
        labs=tuple(_plain(records.LabResult, row) for row in rows(tables.LAB)),
        scans=tuple(_scan(row, series, lesions, registrations, aligned, pairs, meshes) for row in rows(tables.MRI)),
    )


def _unknown(patient_id: str) -> UnknownPatient:
    return UnknownPatient(f"no patient {patient_id[:80]!r} in this pool; the case list shows who is")


def _source(row: Mapping[str, Any]) -> records.Source:
    return records.Source(row["batch_id"], row["source_file"], row["source_row"])


def _plain(kind: Any, row: Mapping[str, Any]) -> Any:
    names = [name for name in kind.__dataclass_fields__ if name != "source"]
    return kind(**{name: row[name] for name in names}, source=_source(row))


def _patient(row: Mapping[str, Any]) -> records.Patient:
    return records.Patient(
        patient_id=row["patient_id"],
        sex=row["sex"],
        birth_date=row["birth_date"],
        birth_date_approximate=bool(row["birth_date_approximate"]),
        onset_date=row["onset_date"],
        diagnosis_date=row["diagnosis_date"],
        course=row["course"] or "unknown",
        centre=row["centre"],
        synthetic=bool(row["synthetic"]),
        source=_source(row),
    )


def _visit(row: Mapping[str, Any]) -> records.Visit:
    systems = {name.removeprefix("fs_"): row[name] for name in row if name.startswith("fs_") and row[name] is not None}
    return records.Visit(
        date=row["date"],
        date_approximate=bool(row["date_approximate"]),
        edss=row["edss"],
        fs=systems,
        t25fw_s=row["t25fw_s"],
        hpt9_dominant_s=row["hpt9_dominant_s"],
        hpt9_nondominant_s=row["hpt9_nondominant_s"],
        sdmt=row["sdmt"],
        source=_source(row),
    )


def _relapse(row: Mapping[str, Any]) -> records.Relapse:
    return records.Relapse(
        date=row["date"],
        functional_systems=tuple(part.strip() for part in (row["functional_systems"] or "").split(";") if part.strip()),
        severity=row["severity"] or "unknown",
        steroids=row["steroids"],
        recovery=row["recovery"] or "unknown",
        source=_source(row),
    )


def _series(row: Mapping[str, Any]) -> records.Series:
    return _copy(row, row["space"], _source(row))


def _aligned(row: Mapping[str, Any]) -> records.Series:
    return _copy(row, derived.REFERENCE_SPACE, records.Source(row["batch_id"], None, None))


def _copy(row: Mapping[str, Any], space: str | None, source: records.Source) -> records.Series:
    box = row["box_mm"]
    window = (row["window_low"], row["window_high"]) if row["window_low"] is not None else None
    return records.Series(
        series_id=row["series_id"],
        study_id=row["study_id"],
        sequence=row["sequence"],
        shape=tuple(row["shape"]),
        spacing_mm=tuple(row["spacing_mm"]),
        origin_mm=tuple(row["origin_mm"]),
        box_mm=(tuple(box[:3]), tuple(box[3:])) if box else None,
        focus_mm=tuple(row["focus_mm"]) if row["focus_mm"] else None,
        space=space,
        window=window,
        drawable=row["display_path"] is not None,
        source=source,
    )


def _registration(row: Mapping[str, Any]) -> records.Registration:
    names = [name for name in records.Registration.__dataclass_fields__ if name not in ("matrix", "template")]
    return records.Registration(
        **{name: row[name] for name in names}, matrix=_square(row["matrix"]), template=_square(row["template"])
    )


def _square(numbers: list[float] | None) -> tuple[tuple[float, float, float, float], ...] | None:
    """Sixteen numbers as the four rows of a matrix."""
    return None if numbers is None else tuple((*numbers[row : row + 4],) for row in range(0, 16, 4))  # type: ignore[misc]


def _lesion(row: Mapping[str, Any], courses: Mapping[tuple[str, int], records.LesionCourse]) -> records.Lesion:
    return records.Lesion(
        study_id=row["study_id"],
        lesion_id=row["lesion_id"],
        track_id=row["track_id"],
        region=row["region"] or "unknown",
        volume_mm3=row["volume_mm3"],
        change=row["change"],
        centroid_ras_mm=(row["centroid_r"], row["centroid_a"], row["centroid_s"]),
        below_floor=bool(row["below_floor"]),
        course=courses.get((row["study_id"], row["lesion_id"])),
    )


def _course(row: Mapping[str, Any]) -> records.LesionCourse:
    own = ("prior_lesions", "undecided", "seen_before", "reference_ras_mm")
    names = [name for name in records.LesionCourse.__dataclass_fields__ if name not in own]
    place = (row["reference_r"], row["reference_a"], row["reference_s"])
    return records.LesionCourse(
        **{name: row[name] for name in names},
        prior_lesions=tuple(row["prior_lesions"] or ()),
        undecided=bool(row["undecided"]),
        seen_before=bool(row["seen_before"]),
        reference_ras_mm=None if place[0] is None else place,
    )


def _pair(row: Mapping[str, Any]) -> records.StudyPair:
    own = ("reasons", "t2_count", "new", "enlarging", "resolved_lesions")
    names = [name for name in records.StudyPair.__dataclass_fields__ if name not in own]
    return records.StudyPair(
        **{name: row[name] for name in names},
        reasons=tuple(row["reasons"] or ()),
        t2_count=_counted(row, "t2_count"),
        new=_counted(row, "new"),
        enlarging=_counted(row, "enlarging"),
        resolved_lesions=tuple(row["resolved_lesions"] or ()),
    )


def _mesh(row: Mapping[str, Any]) -> records.Mesh:
    return records.Mesh(row["mesh_id"], row["study_id"], row["kind"], bool(row["common_space"]))


def _counted(row: Mapping[str, Any], name: str) -> records.Counted | None:
    if row[name] is None:
        return None
    return records.Counted(row[name], row[f"{name}_low"], row[f"{name}_high"], row[f"{name}_grade"])


def _scan(
    row: Mapping[str, Any],
    series: list[records.Series],
    lesions: list[records.Lesion],
    registrations: Mapping[str, records.Registration],
    aligned: list[records.Series],
    pairs: Mapping[str, records.StudyPair],
    meshes: list[records.Mesh],
) -> records.Scan:
    own = ("series", "lesions", "source", "date_approximate", "registration", "aligned", "pair", "meshes")
    names = [name for name in records.Scan.__dataclass_fields__ if name not in own]
    study_id = row["study_id"]
    return records.Scan(
        **{name: row[name] for name in names},
        date_approximate=bool(row["date_approximate"]),
        series=tuple(one for one in series if one.study_id == study_id),
        lesions=tuple(one for one in lesions if one.study_id == study_id),
        source=_source(row),
        registration=registrations.get(study_id),
        aligned=tuple(one for one in aligned if one.study_id == study_id),
        pair=pairs.get(study_id),
        meshes=tuple(one for one in meshes if one.study_id == study_id or (one.common_space and one.kind == "brain")),
    )
