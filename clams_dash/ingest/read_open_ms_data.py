"""Format ``open_ms_data``: the public MS data set of the Laboratory of Imaging Technologies, Ljubljana.

The cross-sectional part holds scans in MNI space with a consensus mask of three raters and a patient table; the
longitudinal part raw scans of two studies, transforms to a common space, and a mask of lesion change on that space's
grid (Lesjak et al., Neuroinformatics 2016 and 2017). Ages are given without dates, so a rule makes dates of them; see
``NOMINAL_SCAN_DATE``. Images that are absent are named in the study's note and in ``reject``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from clams_dash.errors import ImportRefused
from clams_dash.imaging.itk_transform import read_itk_affine
from clams_dash.ingest.parse import is_blank
from clams_dash.ingest.staging import FILE, ROW, Placement, Reject, Staged, digest

CENTRE = "Ljubljana"
NOMINAL_SCAN_DATE = date(2015, 7, 1)
"""Every first scan is dated 1 July 2015, and a person of ``a`` completed years is born on 1 January of 2015 - a, the
middle of the possible birth dates. Both are marked approximate."""

_COURSES = {"RR": "RRMS", "SP": "SPMS", "PP": "PPMS", "PR": "PPMS", "CIS": "CIS"}
_SEXES = {"F": "female", "M": "male"}
_MNI_SEQUENCES = {"FLAIR": "FLAIR", "T1": "T1W", "T1POST": "T1W_GD", "T2": "T2W"}
_RAW_SEQUENCES = {"FLAIR": "FLAIR", "T1W": "T1W", "T2W": "T2W"}
_CONSENSUS = "expert: consensus of three raters"
_CHANGE = "expert: lesion change between two studies"


@dataclass
class _Collected:
    root: Path
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    placements: dict[str, Placement] = field(default_factory=dict)
    notes: list[Reject] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def add(self, table: str, file: str, row: int, **values: object) -> None:
        self.rows.setdefault(table, []).append({**values, FILE: file, ROW: row})

    def warn(self, table: str, file: str, row: int, column: str, value: str | None, reason: str) -> None:
        self.notes.append(Reject(table, file, row, column, value, reason, "warning"))

    def add_series(self, file: Path, table_file: str, row: int, study_id: str, sequence: str, space: str) -> None:
        self.files.append(file)
        path = file.relative_to(self.root).as_posix()
        self.add("series", table_file, row, study_id=study_id, sequence=sequence, path=path, space=space)


def recognises(source: Path) -> bool:
    """Whether ``source`` is the data set's folder."""
    return source.is_dir() and any((source / part / "patient_info.csv").is_file() for part in _PARTS)


def stage(source: Path) -> Staged:
    """Read the patient tables and list the images of the data set.

    Raises ImportRefused, naming file and row, when a patient table does not have the data set's own columns.
    """
    collected = _Collected(source)
    for part, read in _PARTS.items():
        if (source / part / "patient_info.csv").is_file():
            read(collected, source / part)
    frames = {name: pd.DataFrame(rows) for name, rows in collected.rows.items()}
    return Staged(
        format="open_ms_data",
        source=str(source),
        sha256=digest((file.relative_to(source).as_posix(), file) for file in set(collected.files)),
        frames=frames,
        centre=CENTRE,
        image_root=source,
        placements=collected.placements,
        notes=tuple(collected.notes),
    )


def _read_cross_sectional(collected: _Collected, part: Path) -> None:
    file = part / "patient_info.csv"
    for row, line in _lines(collected, file, ("patient_id", "age", "sex", "ms_type", "edss", "criteria")):
        number = _whole(line["patient_id"], "patient_id", file, row)
        patient, name = f"cs-patient{number:02d}", _name(collected, file)
        study = f"{patient}-study1"
        _add_person(collected, name, row, patient, line)
        if line["edss"] is not None:
            collected.add(
                "visit", name, row, patient_id=patient, date=NOMINAL_SCAN_DATE, date_approximate=True, edss=line["edss"]
            )
        if line["criteria"] is not None:
            _add_fact(collected, name, row, patient, "diagnostic_criteria", line["criteria"], None)
        folder = part / "MNI" / f"patient{number:02d}"
        images = {
            sequence: next(iter(sorted(folder.glob(f"{prefix}_*.nii.gz"))), None)
            for prefix, sequence in _MNI_SEQUENCES.items()
        }
        mask = next(iter(sorted(folder.glob("GOLD_STANDARD_*.nii.gz"))), None)
        _add_series(collected, {**images, "lesion_mask": mask}, name, row, study, "MNI152")
        absent = _absent(images, {"consensus lesion mask": mask})
        _add_study(collected, name, row, patient, study, NOMINAL_SCAN_DATE, absent,
                   gd_given=True if images["T1W_GD"] else None, mask_source=_CONSENSUS if mask else None)  # fmt: skip


def _read_longitudinal(collected: _Collected, part: Path) -> None:
    file = part / "demographics.csv" if (part / "demographics.csv").is_file() else part / "patient_info.csv"
    age = "patient_age_at_first_study" if file.name == "demographics.csv" else "age"
    for row, line in _lines(collected, file, ("patient_id", "sex", "days_between_studies", age, "ms_type")):
        number = _whole(line["patient_id"], "patient_id", file, row)
        patient, name = f"long-patient{number:02d}", _name(collected, file)
        _add_person(collected, name, row, patient, {**line, "age": line[age]})
        folder = part / "raw" / f"patient{number:02d}"
        change = _first_file(folder / "gt.nii.gz", part / "coregistered" / f"patient{number:02d}" / "gt.nii.gz")
        days = _whole(line["days_between_studies"], "days_between_studies", file, row)
        for study_number, day in ((1, NOMINAL_SCAN_DATE), (2, NOMINAL_SCAN_DATE + timedelta(days=days))):
            study = f"{patient}-study{study_number}"
            images = _raw_images(collected, folder, study_number, change)
            masks = {"lesion change mask": change} if study_number == 2 else {}
            _add_series(collected, images, name, row, study, "common grid")
            if study_number == 2:
                _add_series(collected, {"change_mask": change}, name, row, study, "common grid")
            _add_study(collected, name, row, patient, study, day, _absent(images, masks),
                       mask_source=_CHANGE if study_number == 2 and change else None,
                       comparison_study_id=f"{patient}-study1" if study_number == 2 else None)  # fmt: skip


def _raw_images(collected: _Collected, folder: Path, study: int, grid_file: Path | None) -> dict[str, Path | None]:
    """Images of one study, each with its map from the common space; without grid or transform an image is not used."""
    images: dict[str, Path | None] = dict.fromkeys(_RAW_SEQUENCES.values())
    to_common = folder / f"study{study}_FLAIR_to_common_space.txt"
    if grid_file is None or not to_common.is_file():
        return images
    flair_map = read_itk_affine(to_common)
    collected.files.append(to_common)
    for prefix, sequence in _RAW_SEQUENCES.items():
        image = folder / f"study{study}_{prefix}.nii.gz"
        within_study = folder / f"study{study}_{prefix}_intrastudy_to_FLAIR.txt"
        if not image.is_file() or (prefix != "FLAIR" and not within_study.is_file()):
            continue
        # Both are point maps from the target to the moving image: common space -> FLAIR -> T1 or T2.
        world_map = flair_map if prefix == "FLAIR" else read_itk_affine(within_study) @ flair_map
        images[sequence] = image
        collected.placements[image.relative_to(collected.root).as_posix()] = Placement(grid_file, world_map)
    return images


def _lines(collected: _Collected, file: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str | None]]]:
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, na_filter=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ImportRefused(f"{file}: cannot be read as CSV ({error})") from error
    for column in columns:
        if column not in table.columns:
            raise ImportRefused(f"{file}: row 1: column {column!r} of the open_ms_data patient table is missing")
    collected.files.append(file)
    blank_to_none = [{name: None if is_blank(value) else value.strip() for name, value in record.items()}
                     for record in table.to_dict("records")]  # fmt: skip
    return [(row, {str(name): value for name, value in record.items()}) for row, record in enumerate(blank_to_none, 2)]


def _add_person(collected: _Collected, file: str, row: int, patient: str, line: dict[str, str | None]) -> None:
    course = line["ms_type"]
    if course is not None and course not in _COURSES:
        collected.warn("patient", file, row, "ms_type", course, "MS type not understood; course kept as unknown")
    if course == "PR":
        collected.warn("patient", file, row, "ms_type", course,
                       "progressive relapsing MS is no longer a course (Lublin 2014); kept as PPMS")  # fmt: skip
    age = None if line["age"] is None else _whole(line["age"], "age", collected.root / file, row)
    if age is not None:
        _add_fact(collected, file, row, patient, "age_at_scan", str(age), "years")
    collected.add(
        "patient", file, row, patient_id=patient, sex=_SEXES.get(line["sex"] or ""),
        birth_date=None if age is None else date(NOMINAL_SCAN_DATE.year - age, 1, 1),
        birth_date_approximate=age is not None, course=_COURSES.get(course or "", "unknown"), centre=CENTRE,
        synthetic=False,
    )  # fmt: skip


def _add_fact(
    collected: _Collected, file: str, row: int, patient: str, kind: str, value: str, unit: str | None
) -> None:
    collected.add(
        "clinical_fact", file, row, patient_id=patient, date=NOMINAL_SCAN_DATE, kind=kind, value=value, unit=unit
    )


def _add_series(
    collected: _Collected, images: dict[str, Path | None], file: str, row: int, study: str, space: str
) -> None:
    for sequence, image in images.items():
        if image is not None:
            collected.add_series(image, file, row, study, sequence, space)


def _add_study(
    collected: _Collected,
    file: str,
    row: int,
    patient: str,
    study: str,
    day: date,
    absent: str | None,
    **values: object,
) -> None:
    note = "scan date is nominal" + (f"; {absent}" if absent else "")
    if absent:
        collected.warn("mri", file, row, "study_id", study, f"{absent}; study kept")
    collected.add(
        "mri", file, row, study_id=study, patient_id=patient, date=day, date_approximate=True, region="brain",
        note=note, **values,
    )  # fmt: skip


def _absent(images: dict[str, Path | None], masks: dict[str, Path | None]) -> str | None:
    missing = [] if any(images.values()) else ["images"]
    missing += [name for name, file in masks.items() if file is None]
    return f"not in the source folder: {', '.join(missing)}" if missing else None


def _first_file(*candidates: Path) -> Path | None:
    return next((file for file in candidates if file.is_file()), None)


def _whole(text: str | None, column: str, file: Path, row: int) -> int:
    if text is None or not text.isdecimal():
        raise ImportRefused(f"{file}: row {row}: column {column!r}: a whole number is needed, found {text!r}")
    return int(text)


def _name(collected: _Collected, file: Path) -> str:
    return file.relative_to(collected.root).as_posix()


_PARTS: dict[str, Callable[[_Collected, Path], None]] = {
    "cross_sectional": _read_cross_sectional,
    "longitudinal": _read_longitudinal,
}
