"""DICOM files to series by their UIDs, reading headers only. Names, addresses and accession numbers are not taken."""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom

from clams_dash.ingest.staging import Reject
from clams_dash.ingest.tabular import refuse_outside

_PREAMBLE_BYTES = 128
_MAGIC = b"DICM"
_SNIFFED_FILES = 200
_TAGS = (
    "PatientID", "PatientSex", "PatientBirthDate", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID",
    "SOPClassUID", "Modality", "StudyDate", "SeriesDate", "AcquisitionDate", "StudyDescription", "SeriesDescription",
    "ProtocolName", "BodyPartExamined", "MagneticFieldStrength", "Manufacturer", "ManufacturerModelName",
    "ContrastBolusAgent", "EchoTime", "ImageType", "Rows", "Columns", "NumberOfFrames", "SeriesNumber",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Header:
    """One file's header: what is used of it, as texts."""

    file: Path
    tags: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.tags.get(name, "")

    def voxels(self) -> int:
        """Voxels of all its frames, by the header."""
        sizes = [int(self[name] or default) for name, default in (("Rows", 0), ("Columns", 0), ("NumberOfFrames", 1))]
        return sizes[0] * sizes[1] * sizes[2]


@dataclass
class Found:
    """Series by their UID (and echo time), faults, and how many files were of no use."""

    series: dict[tuple[str, str], list[Header]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)
    files: list[Path] = field(default_factory=list)


def candidates(source: Path) -> Iterator[Path]:
    """Files that may be DICOM: the file itself, or every file of a folder but its hidden ones."""
    if source.is_file():
        yield source
    elif source.is_dir():
        for file in sorted(source.rglob("*")):
            if file.is_file() and not file.name.startswith("."):
                yield file


def is_dicom(file: Path) -> bool:
    """Whether a file begins as DICOM Part 10 says: 128 bytes, then ``DICM``."""
    with file.open("rb") as handle:
        return handle.read(_PREAMBLE_BYTES + len(_MAGIC))[_PREAMBLE_BYTES:] == _MAGIC


def any_dicom(source: Path) -> bool:
    """Whether one of the first files is DICOM."""
    return any(is_dicom(file) for _, file in zip(range(_SNIFFED_FILES), candidates(source), strict=False))


def find_series(source: Path) -> Found:
    """Read the headers of all DICOM files. Raises ImportRefused for a link that leads out of the folder."""
    found = Found()
    root = source if source.is_dir() else source.parent
    seen: set[str] = set()
    for file in candidates(source):
        if not is_dicom(file):
            found.unused["files are no DICOM"] += 1
            continue
        refuse_outside(file, root)
        name = file.relative_to(root).as_posix()
        try:
            header = read_header(file)
        except Exception as error:  # noqa: BLE001 - pydicom lets through whatever damaged bytes lead to
            reason = f"its DICOM header cannot be read ({type(error).__name__}); file set aside"
            found.rejects.append(Reject("series", name, None, None, None, reason))
            continue
        uid = header["SOPInstanceUID"]
        if header["Modality"] not in ("MR", "SEG"):
            found.unused[f"files of the modality {header['Modality'] or 'unknown'} are not read"] += 1
        elif uid in seen:
            found.unused["files repeat another (same SOPInstanceUID)"] += 1
        else:
            seen.add(uid)
            found.files.append(file)
            _sort_in(found, header, name)
    return found


def _sort_in(found: Found, header: Header, name: str) -> None:
    for tag in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID"):
        if not header[tag]:
            found.rejects.append(Reject("series", name, None, tag, None, f"{tag}: is not told; file set aside"))
            return
    found.series.setdefault((header["SeriesInstanceUID"], header["EchoTime"]), []).append(header)


def read_header(file: Path) -> Header:
    """Tags of one file, no pixels read. pydicom raises what it meets."""
    with quiet_libraries():
        dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS))
        return Header(file, {name: _text(dataset.get(name)) for name in _TAGS})


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep warnings of the DICOM libraries off the terminal: they quote values of the header, a name among them."""
    loggers = [logging.getLogger(name) for name in ("pydicom", "highdicom")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _text(value: Any) -> str:
    if value is None:
        return ""
    texts = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else value
    return "\\".join(str(one) for one in texts).strip().strip("\0")
