"""Surfaces for the view in three dimensions, of every person whose imaging an import touches: table mesh.

Made of the display copies. Where a person's studies lie on one common grid, one brain serves all of them; a study
without such copies gets surfaces in its own space.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clams_dash.errors import ImageError
from clams_dash.imaging.decode import DisplayGrid, DisplayVolume, read_display
from clams_dash.imaging.mesh import Surface, brain_surface, lesion_surface
from clams_dash.ingest.display import CHANGE_RGB
from clams_dash.ingest.files import store_bytes
from clams_dash.ingest.known import Known
from clams_dash.ingest.standing import standing, touched_people
from clams_dash.model import tables

Progress = Callable[[str, float], None]
_IMAGES = ("FLAIR", "T1W")
"""Sequences whose fluid is dark, so that sulci can be told from cortex."""
_FEWEST_EMPTY = 0.3
"""Least share of voxels that are exactly nothing in an image of the brain alone; a head has noise all around."""


@dataclass(frozen=True, slots=True)
class _Study:
    """A study's display copies by sequence, all on one grid, and whether that is the person's common one."""

    study_id: str
    copies: Mapping[str, Mapping[str, Any]]
    common: bool

    def open(self, imaging: Path, *sequences: str) -> DisplayVolume | None:
        """The first of these copies that there is; None where none can be read."""
        copy = next((self.copies[name] for name in sequences if name in self.copies), None)
        if copy is None:
            return None
        grid = DisplayGrid(*(tuple(copy[name]) for name in ("shape", "spacing_mm", "origin_mm")))
        try:
            return read_display((imaging / copy["display_path"]).read_bytes(), grid)
        except (ImageError, OSError):
            return None


def surface_rows(
    rows: Mapping[str, pd.DataFrame], known: Known, imaging: Path, batch_id: str, progress: Progress
) -> dict[str, pd.DataFrame]:
    """Rows of table mesh for all people on whose imaging ``rows`` (additions and derived rows) say anything."""
    series = standing(tables.SERIES, rows, known)
    aligned = rows.get("aligned", pd.DataFrame(columns=[column.name for column in tables.ALIGNED.columns]))
    people = touched_people(rows)
    made: list[dict[str, Any]] = []
    for number, patient_id in enumerate(people):
        progress(f"drawing the surfaces of {patient_id}", number / len(people))
        studies = _studies(*(frame[frame["patient_id"] == patient_id] for frame in (series, aligned)))
        made += [row | {"patient_id": patient_id, "batch_id": batch_id} for row in _person(studies, imaging)]
    return {tables.MESH.name: pd.DataFrame(made)[[column.name for column in tables.MESH.columns]]} if made else {}


def _studies(series: pd.DataFrame, aligned: pd.DataFrame) -> list[_Study]:
    found = []
    for study_id in series["study_id"].unique():
        on_common = aligned[aligned["study_id"] == study_id]
        own = on_common if len(on_common) else series[series["study_id"] == study_id]
        shown = own[own["display_path"].notna()]
        copies = {str(row["sequence"]): row for row in shown.to_dict("records")}
        found.append(_Study(str(study_id), copies, len(on_common) > 0))
    return found


def _person(studies: list[_Study], imaging: Path) -> list[dict[str, Any]]:
    made = []
    has_brain = False
    for study in studies:
        if not (study.common and has_brain):
            brain = _brain(study, imaging)
            if brain is not None:
                made.append(_stored(study, "brain", brain, imaging))
                has_brain = has_brain or study.common
        made += [_stored(study, kind, surface, imaging) for kind, surface in _lesions(study, imaging).items()]
    return made


def _brain(study: _Study, imaging: Path) -> Surface | None:
    volume = study.open(imaging, *_IMAGES)
    if volume is None:
        return None
    levels = volume.values[..., 0]
    if float((levels == 0).mean()) < _FEWEST_EMPTY:
        return None
    return brain_surface(levels, _affine(volume))


def _lesions(study: _Study, imaging: Path) -> dict[str, Surface]:
    """Surfaces by kind: coloured by change where that is known, else all as they are."""
    volume = study.open(imaging, "lesion_change", "lesion_mask")
    if volume is None:
        return {}
    drawn = volume.values[..., 3] > 0
    colours = volume.values[..., :3]
    masks = {
        change: drawn & (colours == np.array(rgb, dtype=np.uint8)).all(axis=3) for change, rgb in CHANGE_RGB.items()
    }
    if "lesion_change" not in study.copies:
        masks = {"stable": drawn}
    affine = _affine(volume)
    found = {f"lesions_{change}": lesion_surface(mask, affine) for change, mask in masks.items()}
    return {kind: surface for kind, surface in found.items() if surface is not None}


def _affine(volume: DisplayVolume) -> NDArray[np.float64]:
    affine = np.diag([*volume.grid.spacing_mm, 1.0])
    affine[:3, 3] = np.array(volume.grid.origin_mm) + np.array(volume.first) * volume.grid.spacing_mm
    return affine


def _stored(study: _Study, kind: str, surface: Surface, imaging: Path) -> dict[str, Any]:
    content = surface.vtp()
    digest = hashlib.sha256(content).hexdigest()
    mesh_id = hashlib.sha256(f"{study.study_id}\0{kind}\0{digest}".encode()).hexdigest()[:32]
    path = f"mesh/{mesh_id}.vtp"
    store_bytes(content, imaging / path)
    return {
        "mesh_id": mesh_id, "study_id": study.study_id, "kind": kind, "common_space": study.common, "path": path,
        "sha256": digest, "bytes": len(content),
    }  # fmt: skip
