"""DICOM studies to rows of the pool: people, MRI studies, converted series and lesion masks."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from clams_dash.errors import ImageError, ImportRefused
from clams_dash.ingest.dicom.convert import lesions_of, save_nifti, volume_of
from clams_dash.ingest.dicom.headers import Found, Header, any_dicom, find_series
from clams_dash.ingest.dicom.rules import series_rules
from clams_dash.ingest.staging import FILE, ROW, Reject, Staged, Workspace, digest

_SEXES = {"F": "female", "M": "male"}
_VENDORS = {"siemens": "Siemens", "philips": "Philips", "ge medical": "GE", "canon": "Canon", "toshiba": "Toshiba"}


@dataclass
class _Study:
    """Series of one study, by what they are, and the volumes already converted (SeriesInstanceUID, volume)."""

    uid: str
    headers: list[Header] = field(default_factory=list)
    images: dict[str, list[Header]] = field(default_factory=dict)
    masks: list[Header] = field(default_factory=list)
    author: str | None = None


@dataclass
class _Collected:
    root: Path
    workspace: Workspace
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    notes: list[Reject] = field(default_factory=list)

    def add(self, table: str, file: Path, **values: object) -> None:
        row = {name: value if value != "" else None for name, value in values.items()}
        self.rows.setdefault(table, []).append({**row, FILE: self.path(file), ROW: 1})

    def note(self, header: Header, reason: str, severity: str) -> None:
        text = header["SeriesDescription"] or header["ProtocolName"]
        self.notes.append(Reject("series", self.path(header.file), None, "path", text or None, reason, severity))

    def path(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()


def recognises(source: Path) -> bool:
    """Whether ``source`` is a DICOM file or a folder with some among its first files."""
    return any_dicom(source)


def stage(source: Path) -> Staged:
    """Sort the files into studies and series, convert what the pool can use into a folder of its own.

    Raises ImportRefused when there is no MR study, or for a link that leads out of the folder.
    """
    found = find_series(source)
    if not found.series:
        first = f"; first fault: {found.rejects[0].source_file}, {found.rejects[0].reason}" if found.rejects else ""
        raise ImportRefused(f"{source}: holds no MR series of DICOM that could be read{first}")
    root = source if source.is_dir() else source.parent
    collected = _Collected(root, Workspace(Path(tempfile.mkdtemp(prefix="clams-dicom-"))))
    studies = _studies(collected, found)
    _add_people(collected, studies)
    for number, study in enumerate(studies, 1):
        _add_study(collected, study, number)
    return Staged(
        format="dicom",
        source=str(source),
        sha256=digest((collected.path(file), file) for file in found.files),
        frames={name: pd.DataFrame(rows, dtype=object) for name, rows in collected.rows.items()},
        image_root=collected.workspace.path,
        notes=(*found.rejects, *collected.notes, *_counted(str(source), found)),
        workspace=collected.workspace,
    )


def _studies(collected: _Collected, found: Found) -> list[_Study]:
    studies: dict[str, _Study] = {}
    echoes = _echoes(found)
    for (uid, echo), headers in sorted(found.series.items(), key=lambda item: _series_order(item[1])):
        first = headers[0]
        study = studies.setdefault(first["StudyInstanceUID"], _Study(first["StudyInstanceUID"]))
        study.headers += headers
        if first["Modality"] == "SEG":
            study.masks += headers
            continue
        sequence = _sequence(first, echoes[uid].index(echo) if len(echoes[uid]) > 1 else None)
        if sequence is None:
            collected.note(first, f"not a sequence the pool shows; {len(headers)} files left out", "warning")
        elif sequence not in study.images or len(headers) > len(study.images[sequence]):
            if sequence in study.images:
                collected.note(study.images[sequence][0], f"another {sequence} of the study was taken", "warning")
            study.images[sequence] = headers
        else:
            collected.note(first, f"another {sequence} of the study was taken", "warning")
    return list(studies.values())


def _series_order(headers: list[Header]) -> tuple[str, int, str]:
    first = headers[0]
    number = first["SeriesNumber"]
    return first["StudyInstanceUID"], int(number) if number.isdecimal() else 0, first["SeriesInstanceUID"]


def _echoes(found: Found) -> dict[str, list[str]]:
    """Echo times of each series, ascending."""
    told: dict[str, list[str]] = {}
    for uid, echo in found.series:
        told.setdefault(uid, []).append(echo)
    return {uid: sorted(times, key=_milliseconds) for uid, times in told.items()}


def _milliseconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _sequence(header: Header, echo: int | None) -> str | None:
    """Sequence of a series; of a double echo the first is proton density, the second T2."""
    if "MOSAIC" in header["ImageType"].split("\\"):
        return None
    text = f"{header['SeriesDescription']} {header['ProtocolName']}"
    found = series_rules().sequence(text, contrast=bool(header["ContrastBolusAgent"]))
    return ("PD", "T2W")[min(echo, 1)] if echo is not None and found in ("PD", "T2W") else found


def _add_people(collected: _Collected, studies: Sequence[_Study]) -> None:
    people: dict[str, Header] = {}
    for study in studies:
        for header in study.headers:
            people.setdefault(header["PatientID"], header)
    for patient, header in people.items():
        collected.add(
            "patient", header.file, patient_id=patient, sex=_SEXES.get(header["PatientSex"]),
            birth_date=_day(header["PatientBirthDate"]),
        )  # fmt: skip


def _add_study(collected: _Collected, study: _Study, number: int) -> None:
    first = study.headers[0]
    if len({header["PatientID"] for header in study.headers}) > 1:
        collected.note(first, "its study names more than one PatientID; study set aside", "error")
        return
    volumes: list[tuple[str, Any]] = []
    for sequence, headers in study.images.items():
        path = f"study{number}/{sequence}.nii.gz"
        try:
            volume = volume_of(headers)
            save_nifti(volume, collected.workspace.path / path)
        except ImageError as error:
            collected.note(headers[0], f"{sequence}: {error}; series set aside", "error")
            continue
        volumes.append((headers[0]["SeriesInstanceUID"], volume))
        collected.add(
            "series", headers[0].file, study_id=study.uid, sequence=sequence, path=path, space="native"
        )  # fmt: skip
    for header in study.masks:
        _add_mask(collected, study, header, volumes, f"study{number}/lesion_mask.nii.gz")
    scans = [header for header in study.headers if header["Modality"] == "MR"] or study.headers
    words = " ".join(f"{header['BodyPartExamined']} {header['StudyDescription']}" for header in scans[:1])
    contrast = "T1W_GD" in study.images or any(header["ContrastBolusAgent"] for header in scans)
    vendor = scans[0]["Manufacturer"]
    collected.add(
        "mri", scans[0].file, study_id=study.uid, patient_id=first["PatientID"],
        date=_day(first["StudyDate"] or first["SeriesDate"] or first["AcquisitionDate"]),
        region=series_rules().region(words), field_t=_tesla(scans[0]["MagneticFieldStrength"]),
        vendor=next((short for word, short in _VENDORS.items() if word in vendor.casefold()), vendor),
        model=scans[0]["ManufacturerModelName"], protocol=scans[0]["StudyDescription"],
        gd_given=True if contrast else None, mask_source=study.author,
    )  # fmt: skip


def _add_mask(collected: _Collected, study: _Study, header: Header, volumes: list[tuple[str, Any]], path: str) -> None:
    if study.author is not None:
        collected.note(header, "another lesion mask of the study was taken", "warning")
        return
    try:
        author, mask = lesions_of(header, volumes)
        save_nifti(mask, collected.workspace.path / path)
    except ImageError as error:
        collected.note(header, f"lesion mask: {error}; set aside", "error")
        return
    study.author = author
    collected.add("series", header.file, study_id=study.uid, sequence="lesion_mask", path=path, space="native")


def _day(text: str) -> str | None:
    """A DICOM date (``YYYYMMDD``) as ``YYYY-MM-DD``; anything else as it is, for the checks to name."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdecimal() else text or None


def _tesla(text: str) -> str:
    """Field strength; some scanners give it in gauss, and no scanner of people has more than 100 T."""
    try:
        return str(float(text) / 10_000) if float(text) > 100 else text
    except ValueError:
        return text


def _counted(source: str, found: Found) -> list[Reject]:
    return [Reject("source", source, None, None, str(n), reason, "warning") for reason, n in found.unused.items()]
