"""After an import: the studies of each person whose imaging changed are laid into one space, as a version of their own.

What is worked out stands as long as the person's imaging does (``pool.build``); people whose rows are missing are found
in the pool itself, so that work cut short goes on with the next import. The slow part runs without holding the pool.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clams_dash.errors import ImageError, PoolBusy, UnknownPatient
from clams_dash.imaging import difference, lesions
from clams_dash.imaging.common_space import CommonSpace, PlacedStudy, StudyVolumes, common_space
from clams_dash.imaging.decode import DisplayGrid, read_display
from clams_dash.imaging.nifti import Volume
from clams_dash.ingest import display
from clams_dash.ingest.files import store_bytes
from clams_dash.ingest.known import Known
from clams_dash.ingest.lesion_step import lesion_rows
from clams_dash.ingest.parse import empty_column
from clams_dash.ingest.surfaces import Progress, surface_rows
from clams_dash.model import catalogues
from clams_dash.model.derived import ALIGNED, REGISTRATION
from clams_dash.model.description import Table
from clams_dash.model.records import Case, Scan, Series
from clams_dash.model.tables import LESION, MRI, SERIES
from clams_dash.pool.build import build_next
from clams_dash.pool.cases import load_case
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder


@dataclass(frozen=True, slots=True)
class Derived:
    """Rows by derived table for one person, the series they were made of, and the import these came with last."""

    rows: dict[str, list[dict[str, Any]]]
    series: frozenset[str]
    batch_id: str


def align_people(folder: PoolFolder, progress: Progress) -> list[str]:
    """Work out one space for everybody who has several studies and none yet; returns who was done.

    Whose imaging changed meanwhile, or whose turn finds another import writing, is left for the next time.
    """
    with closing(Database(folder)) as database:
        waiting = [str(row["patient_id"]) for row in database.rows("unaligned")]
        done: list[str] = []
        for number, patient_id in enumerate(waiting):
            progress(f"laying the scans of {patient_id} over each other", number / len(waiting))
            found = derive(load_case(database, patient_id), folder.imaging)
            frames = {name: _frame(name, rows) for name, rows in found.rows.items() if rows}
            # What rests on the space is worked out anew where it now lies: changes of lesions, then surfaces.
            rows = frames | {table.name: database.frame(table, patient_id) for table in (MRI, SERIES, LESION)}
            for step in (lesion_rows, surface_rows):
                made = step(rows, Known(), folder.imaging, found.batch_id, lambda *_: None)
                frames |= made
                rows |= made
            if _publish(folder, patient_id, found, frames):
                done.append(patient_id)
        return done


def derive(case: Case, imaging: Path) -> Derived:
    """All derived rows of one person; files are written under ``imaging``."""
    scans = [scan for scan in case.scans if _images(scan)]
    used = _series_of(case)
    batch = max((scan.series[0].source.batch_id for scan in scans), default="")
    try:
        volumes = [_volumes(scan, imaging) for scan in scans]
        space = common_space(volumes)
    except (ImageError, OSError, RuntimeError) as error:  # a file that is gone; a search that found no way
        rows = [_failed(scan, scans[0].study_id, case, _words(error), batch) for scan in scans]
        return Derived({REGISTRATION.name: rows}, used, batch)
    registration = [_registration_row(space, place, case, batch) for place in space.studies]
    aligned = _Copies(space, case, imaging, batch)
    for scan, volume in zip(scans, volumes, strict=True):
        aligned.add(scan, volume)
    return Derived({REGISTRATION.name: registration, ALIGNED.name: aligned.rows}, used, batch)


def _publish(folder: PoolFolder, patient_id: str, found: Derived, frames: dict[str, pd.DataFrame]) -> bool:
    """Publish one person's rows unless the imaging changed while they were worked out, or somebody else is writing."""
    try:
        with folder.writing() as version:
            with closing(Database(folder)) as database:
                now = load_case(database, patient_id)
            if _series_of(now) != found.series:
                return False
            build_next(version, found.batch_id, frames)
            version.publish()
    except (PoolBusy, UnknownPatient):
        return False
    return True


def _series_of(case: Case) -> frozenset[str]:
    return frozenset(series.series_id for scan in case.scans if _images(scan) for series in scan.series)


def _frame(name: str, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    table: Table = {one.name: one for one in (REGISTRATION, ALIGNED)}[name]
    frame = pd.DataFrame(rows)
    missing = {column.name: empty_column(column, frame.index) for column in table.columns if column.name not in frame}
    return frame.assign(**missing)[[column.name for column in table.columns]]


def _images(scan: Scan) -> list[Series]:
    if scan.region not in (None, "brain", "unknown"):
        return []
    return [series for series in scan.series if series.drawable and series.window is not None]


def _volumes(scan: Scan, imaging: Path) -> StudyVolumes:
    images = {series.sequence: _levels(series, imaging) for series in _images(scan)}
    masks = {
        series.sequence: _labels(series, imaging)
        for series in scan.series
        if series.sequence in catalogues.mask_sequences() and series.drawable
    }
    return StudyVolumes(scan.study_id, scan.date, images, masks)


def _levels(series: Series, imaging: Path) -> Volume:
    return Volume(_shown(series, imaging)[..., 0].astype(np.float32), _affine(series))


def _labels(series: Series, imaging: Path) -> Volume:
    """The mask behind a coloured overlay: every voxel that has a colour."""
    return Volume((_shown(series, imaging)[..., 3] > 0).astype(np.uint8), _affine(series))


def _shown(series: Series, imaging: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    content = (imaging / "display" / f"{series.series_id}.vti").read_bytes()
    copy = read_display(content, DisplayGrid(series.shape, series.spacing_mm, series.origin_mm))
    whole = np.zeros((*series.shape, copy.values.shape[3]), dtype=np.uint8)
    box = tuple(slice(start, start + size) for start, size in zip(copy.first, copy.values.shape[:3], strict=True))
    whole[box] = copy.values
    return whole


def _affine(series: Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    affine = np.diag([*series.spacing_mm, 1.0])
    affine[:3, 3] = series.origin_mm
    return affine


def _registration_row(space: CommonSpace, place: PlacedStudy, case: Case, batch: str) -> dict[str, Any]:
    found = place.aligned
    is_reference = place.study_id == space.reference
    return {
        "study_id": place.study_id, "patient_id": case.patient.patient_id, "reference_study_id": space.reference,
        "matrix": _numbers(found.matrix) if found else None, "metric": found.metric if found else None,
        "overlap": found.overlap if found else None,
        "error_mm": found.error_mm if found and np.isfinite(found.error_mm) else None,
        "quality": found.quality if found else "fail", "reason": place.reason, "sequence": place.sequence,
        "template": _numbers(space.template) if is_reference else None, "inputs": None, "batch_id": batch,
    }  # fmt: skip


def _words(error: Exception) -> str:
    """What went wrong, without paths of this machine."""
    return (
        str(error) if isinstance(error, ImageError) else f"could not be laid over each other ({type(error).__name__})"
    )


def _failed(scan: Scan, reference: str, case: Case, reason: str, batch: str) -> dict[str, Any]:
    return {
        "study_id": scan.study_id, "patient_id": case.patient.patient_id, "reference_study_id": reference,
        "quality": "fail", "reason": reason, "batch_id": batch,
    }  # fmt: skip


class _Copies:
    """Copies of one person's studies on the common grid, study by study in order of time."""

    def __init__(self, space: CommonSpace, case: Case, imaging: Path, batch: str) -> None:
        self.rows: list[dict[str, Any]] = []
        self._space, self._imaging, self._batch = space, imaging, batch
        self._patient = case.patient.patient_id
        self._before: dict[str, Volume] = {}

    def add(self, scan: Scan, volumes: StudyVolumes) -> None:
        """Copies of a study that passed: its images, its masks, and what differs from the study before."""
        place = self._space.place(scan.study_id)
        if not place.passed:
            return
        by_sequence = {series.sequence: series for series in scan.series}
        now: dict[str, Volume] = {}
        for name, matrix in place.maps.items():
            is_mask = name in volumes.masks
            volume = volumes.masks[name] if is_mask else volumes.images[name]
            carried = self._space.carried(volume, matrix, is_mask=is_mask)
            if is_mask:
                self._store(scan, name, matrix, display.mask_copy(carried, name), by_sequence[name], carried)
                continue
            now[name] = carried
            self._store(scan, name, matrix, display.image_copy(carried), by_sequence[name], None)
        self._difference(scan, now)
        self._before = now

    def _difference(self, scan: Scan, now: dict[str, Volume]) -> None:
        if "FLAIR" not in now or "FLAIR" not in self._before:
            return
        labels = difference.difference_labels(now["FLAIR"].data, self._before["FLAIR"].data, self._space.brain)
        content = difference.difference_vti(labels, self._space.affine)
        copy = display.DisplayCopy(content, None, None)
        self._store(scan, "difference", None, copy, None, None)

    def _store(
        self, scan: Scan, sequence: str, matrix: np.ndarray[Any, np.dtype[np.float64]] | None,
        copy: display.DisplayCopy, source: Series | None, mask: Volume | None,
    ) -> None:  # fmt: skip
        space = self._space
        made_of = f"{self._patient}\0{scan.study_id}\0{sequence}\0{source.series_id if source else ''}"
        digest = hashlib.sha256(copy.vti).hexdigest() if copy.vti is not None else ""
        series_id = hashlib.sha256(f"aligned\0{made_of}\0{digest}".encode()).hexdigest()[:32]
        path = f"aligned/{series_id}.vti" if copy.vti is not None else None
        if copy.vti is not None and path is not None:
            store_bytes(copy.vti, self._imaging / path)
        self.rows.append(
            {
                "series_id": series_id, "study_id": scan.study_id, "patient_id": self._patient, "sequence": sequence,
                "source_series_id": source.series_id if source else None,
                "matrix": _numbers(matrix) if matrix is not None else None, "shape": list(space.shape),
                "spacing_mm": [float(space.affine[axis, axis]) for axis in range(3)],
                "origin_mm": [float(space.affine[axis, 3]) for axis in range(3)],
                "box_mm": list(copy.box_mm) if copy.box_mm else None,
                "focus_mm": lesions.focus_mm(mask) if mask is not None else None,
                "display_path": path, "display_sha256": digest or None,
                "window_low": copy.window[0] if copy.window else None,
                "window_high": copy.window[1] if copy.window else None,
                "batch_id": self._batch,
            }
        )  # fmt: skip


def _numbers(matrix: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    return [round(float(value), 9) for value in np.asarray(matrix).ravel()]
