"""What became of the lesions of every person whose imaging an import touches: tables lesion_course and study_pair.

All masks of a person are read again, the earlier ones from the pool's imaging folder, so that a new study finds the
lesions of all studies before it. A pair that may not be compared gets its reasons and no count of change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clams_dash.errors import ImageError
from clams_dash.imaging.lesion_change import MeasuredMask
from clams_dash.imaging.lesion_matching import PlacedMask
from clams_dash.imaging.lesion_painting import LABELS, painted
from clams_dash.imaging.lesion_pairing import MaskFacts
from clams_dash.imaging.lesion_person import ComparedPair, PersonLesions, StudyMask, person_lesions
from clams_dash.imaging.lesion_reliability import volume_errors
from clams_dash.imaging.lesion_settings import lesion_settings
from clams_dash.imaging.lesion_signal import lesion_signals
from clams_dash.imaging.lesion_tracks import MaskStudy
from clams_dash.imaging.lesions import as_mask, focus_mm, labelled
from clams_dash.imaging.nifti import Volume, read_nifti
from clams_dash.ingest.display import change_copy
from clams_dash.ingest.files import store_bytes
from clams_dash.ingest.known import Known
from clams_dash.ingest.standing import standing, touched_people
from clams_dash.model import tables

Progress = Callable[[str, float], None]
_SCANNER = ("field_t", "vendor", "model")


def lesion_rows(
    rows: Mapping[str, pd.DataFrame], known: Known, imaging: Path, batch_id: str, progress: Progress
) -> dict[str, pd.DataFrame]:
    """Rows of both tables for all people on whose imaging ``rows`` (an import's additions) say anything.

    ``rows`` may hold the tables ``registration``, without whose row a study lies in no common space, and ``aligned``,
    which is given back with the lesions of comparable pairs drawn by change on the person's common grid.
    """
    studies, series = (standing(table, rows, known) for table in (tables.MRI, tables.SERIES))
    masked = sorted(set(series.loc[series["sequence"] == "lesion_mask", "patient_id"]) & set(touched_people(rows)))
    registrations = _registrations(rows.get("registration"))
    found: list[PersonLesions] = []
    for number, patient in enumerate(masked):
        progress(f"comparing the lesions of {patient}", number / len(masked))
        own = series[series["patient_id"] == patient]
        masks = [
            mask
            for row in studies[studies["patient_id"] == patient].to_dict("records")
            if (mask := _study_mask(row, own[own["study_id"] == row["study_id"]], registrations, imaging)) is not None
        ]
        found.append(person_lesions(patient, masks, lesion_settings()))
    made = {
        tables.LESION_COURSE: [row for one in found for row in one.lesions],
        tables.STUDY_PAIR: [row for one in found for row in one.studies],
    }
    derived = {table.name: _frame(table, every, batch_id) for table, every in made.items() if every}
    if "aligned" in rows:
        drawn = [copy for one in found for pair in one.pairs if (copy := _drawn(pair, rows["aligned"], imaging))]
        copies = _frame(tables.ALIGNED, drawn, batch_id)
        derived["aligned"] = pd.concat([rows["aligned"], copies]) if drawn else rows["aligned"]
    return derived


def _drawn(pair: ComparedPair, aligned: pd.DataFrame, imaging: Path) -> dict[str, Any] | None:
    """The row of the pair's lesions drawn by change on the later study's common grid; None where it has none."""
    study = pair.later.facts.study_id
    own = aligned[aligned["study_id"] == study]
    if own.empty:
        return None
    grid = own.iloc[0]
    affine = np.diag([*grid["spacing_mm"], 1.0])
    affine[:3, 3] = grid["origin_mm"]
    shape = (int(grid["shape"][0]), int(grid["shape"][1]), int(grid["shape"][2]))
    earlier, later = pair.earlier.track.measured.placed, pair.later.track.measured.placed
    labels = painted(earlier, later, pair.change, affine, shape)
    content = change_copy(Volume(labels, affine)).vti
    digest = None if content is None else hashlib.sha256(content).hexdigest()
    series_id = hashlib.sha256(f"{grid['patient_id']}\0{study}\0lesion_change\0{digest}".encode()).hexdigest()[:32]
    path = f"aligned/{series_id}.vti"
    if content is not None:
        store_bytes(content, imaging / path)
    return {
        "series_id": series_id, "study_id": study, "patient_id": grid["patient_id"], "sequence": "lesion_change",
        "shape": list(shape), "spacing_mm": list(grid["spacing_mm"]), "origin_mm": list(grid["origin_mm"]),
        "box_mm": grid["box_mm"], "focus_mm": focus_mm(Volume((labels == LABELS["new"]).astype(np.uint8), affine)),
        "display_path": None if content is None else path, "display_sha256": digest,
    }  # fmt: skip


def _registrations(frame: pd.DataFrame | None) -> dict[str, dict[str, Any]]:
    if frame is None:
        return {}
    return {str(row["study_id"]): row for row in frame.to_dict("records")}  # type: ignore[misc]


def _study_mask(
    row: dict[str, Any], series: pd.DataFrame, registrations: Mapping[str, dict[str, Any]], imaging: Path
) -> StudyMask | None:
    """A study's mask, measured and placed; None when it has none that can be read."""
    files: dict[str, dict[str, Any]] = {str(one["sequence"]): {**one} for one in series.to_dict("records")}  # type: ignore[dict-item]
    if "lesion_mask" not in files:
        return None
    settings = lesion_settings()
    try:
        mask = labelled(as_mask(read_nifti(imaging / files["lesion_mask"]["path"]), "lesion_mask"))
        plain, lit = (_image(files, name, imaging) for name in ("T1W", "T1W_GD"))
    except ImageError:
        return None
    study, day = str(row["study_id"]), pd.Timestamp(row["date"]).date()
    registration = registrations.get(study, {})
    misplaced = _misplaced(registration)
    to_file = _matrix(files["lesion_mask"].get("placement"))
    place = to_file @ (np.eye(4) if misplaced else _matrix(registration["matrix"]))
    error = registration.get("error_mm")
    error_mm = settings.matching.least_registration_mm if error is None or pd.isna(error) else float(error)
    measured = MeasuredMask(
        PlacedMask(mask, place), volume_errors(mask, settings.matching.least_registration_mm, settings.reliability)
    )
    facts = MaskFacts(
        study_id=study,
        day=day,
        region=_text(row["region"]),
        compared_with=_text(row["comparison_study_id"]),
        mask_source=_text(row["mask_source"]),
        thickness_mm=float(np.linalg.norm(mask.affine[:3, :3], axis=0).max()),
        misplaced=misplaced,
        scanner=tuple((name.replace("field_t", "field strength"), _text(row[name])) for name in _SCANNER),
    )
    return StudyMask(
        facts=facts,
        track=MaskStudy(study, day, measured, misplaced is None, error_mm),
        signals=lesion_signals(mask, plain, lit, settings.t1),
        has_t1=plain is not None,
        has_contrast=lit is not None,
        brain_change_percent=None if pd.isna(row["pbvc_percent"]) else float(row["pbvc_percent"]),
    )


def _image(files: Mapping[str, dict[str, Any]], sequence: str, imaging: Path) -> Volume | None:
    return read_nifti(imaging / files[sequence]["path"]) if sequence in files else None


def _misplaced(registration: Mapping[str, Any]) -> str | None:
    """Why a study does not lie in its person's common space; None when it does."""
    if not registration:
        return "not registered to the person's other scans"
    if registration["quality"] == "pass":
        return None
    return f"registration {registration['quality']} ({registration['reason']})"


def _matrix(numbers: Any) -> NDArray[np.float64]:
    held = isinstance(numbers, list | tuple | np.ndarray)
    return np.asarray(numbers, dtype=np.float64).reshape(4, 4) if held else np.eye(4)


def _text(value: object) -> str | None:
    return None if pd.isna(value) else f"{value:g}" if isinstance(value, float) else str(value)  # type: ignore[call-overload]


def _frame(table: tables.Table, rows: list[dict[str, Any]], batch_id: str) -> pd.DataFrame:
    names = [column.name for column in table.columns]
    frame = pd.DataFrame([{**dict.fromkeys(names), **row, "batch_id": batch_id} for row in rows], columns=names)
    whole = {column.name: "Int64" for column in table.columns if column.kind == "whole"}
    return frame.astype(whole)
