"""Files of a BIDS data set: names to entities, which image is which sequence, which derivative is a lesion mask."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clams_dash.errors import ImportRefused
from clams_dash.ingest.parse import is_blank
from clams_dash.ingest.staging import FILE, ROW
from clams_dash.ingest.tabular import read_sheet, refuse_outside, sheets

DESCRIPTION = "dataset_description.json"
_NAME = re.compile(r"(?P<entities>(?:[a-zA-Z]+-[a-zA-Z0-9+]+_)+)(?P<suffix>[a-zA-Z0-9]+)\.nii(?:\.gz)?")
_SEQUENCES = {"FLAIR": "FLAIR", "T1w": "T1W", "T2w": "T2W", "PDw": "PD", "swi": "SWI"}
_CONTRAST = "T1W_GD"
_LESION_WORDS = re.compile(r"lesion|wmh|^L$", re.IGNORECASE)
_LARGEST_JSON_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Image:
    """One NIfTI file with the entities of its name."""

    file: Path
    entities: dict[str, str]
    suffix: str

    @property
    def session(self) -> str:
        """Session label, empty for a data set without sessions."""
        return self.entities.get("ses", "")

    @property
    def sequence(self) -> str | None:
        """Sequence of the pool, or None for an image it has no use for."""
        if self.suffix == "T1w" and "ce" in self.entities:
            return _CONTRAST
        return _SEQUENCES.get(self.suffix)

    @property
    def is_lesion_mask(self) -> bool:
        """A binary mask labelled lesion, or a segmentation described as lesions."""
        told = (self.entities.get("label", ""), self.entities.get("desc", ""))
        return self.suffix in ("mask", "dseg") and any(_LESION_WORDS.search(word) for word in told)


def subjects(folder: Path) -> list[Path]:
    """Folders of the participants."""
    return sorted(one for one in folder.glob("sub-*") if one.is_dir() and re.fullmatch(r"sub-[A-Za-z0-9]+", one.name))


def images(subject: Path) -> Iterator[Image]:
    """NIfTI files of a participant's ``anat`` and ``swi`` folders (and of derivatives, which keep that layout)."""
    for file in sorted(subject.rglob("*.nii*")):
        match = _NAME.fullmatch(file.name)
        if match and file.parent.name in ("anat", "swi") and file.name.startswith(f"{subject.name}_"):
            pairs = (part.split("-", 1) for part in match["entities"].strip("_").split("_"))
            yield Image(file, dict(pairs), match["suffix"])


def derivatives(root: Path) -> list[Path]:
    """Derivative data sets: the folders in ``derivatives``, or the data set itself when it says to be one."""
    if read_json(root / DESCRIPTION).get("DatasetType") == "derivative":
        return [root]
    return sorted(one for one in (root / "derivatives").glob("*") if one.is_dir())


def tool_of(derivative: Path) -> str:
    """Name and version of what made a derivative data set, by its description, or its folder's name."""
    made = read_json(derivative / DESCRIPTION).get("GeneratedBy")
    first = made[0] if isinstance(made, list) and made and isinstance(made[0], dict) else {}
    return " ".join(str(first[key]) for key in ("Name", "Version") if first.get(key)) or derivative.name


def sidecar(image: Path) -> dict[str, Any]:
    """What the JSON file of an image says of its acquisition; empty where there is none."""
    return read_json(image.with_name(image.name.split(".nii")[0] + ".json"))


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object; empty where the file is not there. Raises ImportRefused for a file that is no JSON object."""
    if not file.is_file():
        return {}
    try:
        if file.stat().st_size > _LARGEST_JSON_BYTES:
            raise ImportRefused(f"{file}: is larger than {_LARGEST_JSON_BYTES >> 20} MiB; no BIDS description is")
        found = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ImportRefused(f"{file}: cannot be read as JSON ({error})") from error
    if not isinstance(found, dict):
        raise ImportRefused(f"{file}: is no JSON object")
    return found


def read_tsv(file: Path, root: Path, column: str) -> list[dict[str, Any]]:
    """Rows of a BIDS table, ``n/a`` as None. Raises ImportRefused when it cannot be read or lacks its key column."""
    if not file.is_file():
        return []
    refuse_outside(file, root)
    frame = read_sheet(sheets(file)[0])
    if column not in frame.columns:
        raise ImportRefused(f"{file}: row 1: column {column!r} is missing")
    name = file.relative_to(root).as_posix()
    return [
        {str(key): None if is_blank(value) else value for key, value in row.items()} | {FILE: name, ROW: row[ROW]}
        for row in frame.to_dict("records")
    ]
