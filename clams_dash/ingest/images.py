"""Images of an import: checked, oriented, measured, copied into the pool's imaging folder under their content's name.

A file that cannot be used is set aside in ``reject``; its study stays, says so, and the rest of the import goes on.
Files are written under the digest of their content, so a killed import leaves at most a file that nothing names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from clams_dash.errors import ImageError, PoolError
from clams_dash.imaging import grid, lesions
from clams_dash.imaging.identity import without_identity
from clams_dash.imaging.nifti import Volume, read_nifti
from clams_dash.ingest import display
from clams_dash.ingest.files import store_bytes, store_file
from clams_dash.ingest.staging import FILE, ROW, Placement, Reject, Staged, file_digest
from clams_dash.model import catalogues

Progress = Callable[[str, float], None]


@dataclass
class ImagesDone:
    """What came of the images: rows for ``series`` and ``lesion``, measurements by study, faults."""

    series: list[dict[str, Any]] = field(default_factory=list)
    lesions: list[dict[str, Any]] = field(default_factory=list)
    measured: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)


def process_images(
    staged: Staged, series: pd.DataFrame, studies: pd.Series, imaging: Path | None, progress: Progress
) -> ImagesDone:
    """Read every series of the import.

    Parameters
    ----------
    series
        Checked rows of the ``series`` table.
    studies
        Patient of each study, by study id.
    imaging
        The pool's imaging folder; None = read and measure only (a dry run).
    """
    done = ImagesDone()
    groups = list(series.groupby("study_id", sort=True))
    for number, (study_id, rows) in enumerate(groups):
        progress(f"reading images of {study_id}", number / len(groups))
        _process_study(staged, str(study_id), str(studies[study_id]), rows, imaging, done)
    return done


def _process_study(
    staged: Staged, study_id: str, patient_id: str, rows: pd.DataFrame, imaging: Path | None, done: ImagesDone
) -> None:
    is_mask = rows["sequence"].isin(catalogues.mask_sequences())
    grids: list[tuple[str, Volume]] = []
    images_first: list[dict[str, Any]] = pd.concat([rows[~is_mask], rows[is_mask]]).to_dict("records")  # type: ignore[assignment]
    for row in images_first:
        try:
            read = _read(staged, row)
            if row["sequence"] in catalogues.mask_sequences():
                _refuse_other_grid(row, read.shown, grids)
            copy = _display_copy(row, read.shown)
        except (ImageError, OSError, ValueError, MemoryError) as error:
            _set_aside(row, study_id, _reason(row, error), done)
            continue
        if row["sequence"] not in catalogues.mask_sequences():
            grids.append((row["sequence"], read.shown))
        if row["sequence"] == "lesion_mask":
            _measure(row, read.native, study_id, patient_id, done)
        try:
            done.series.append(_series_row(row, read, copy, patient_id, imaging))
        except OSError as error:
            raise PoolError(f"{imaging}: images cannot be stored ({error.strerror}); nothing was imported") from error


@dataclass(frozen=True, slots=True)
class _Read:
    """One series: its file, its own grid (for measuring) and the grid it is shown on."""

    file: Path
    native: Volume
    shown: Volume


def _read(staged: Staged, row: dict[str, Any]) -> _Read:
    if staged.image_root is None:
        raise ImageError(f"{row['path']}: this source has no folder of images")
    root = staged.image_root.resolve()
    file = (root / str(row["path"])).resolve()
    if not file.is_relative_to(root):
        raise ImageError(f"{row['path']}: lies outside the imported folder")
    if not file.is_file():
        raise ImageError(f"{row['path']}: no such file in the imported folder")
    is_mask = row["sequence"] in catalogues.mask_sequences()
    native = read_nifti(file)
    if is_mask:
        native = lesions.as_mask(native, str(row["path"]))
    placement = staged.placements.get(str(row["path"]))
    shown = _placed(native, placement, is_mask) if placement else grid.to_ras(native, is_mask=is_mask)
    return _Read(file, native, shown)


def _placed(volume: Volume, placement: Placement, is_mask: bool) -> Volume:
    target = grid.to_ras(read_nifti(placement.grid_file), is_mask=True)
    shape = target.data.shape
    return grid.resample(
        volume, target.affine, (shape[0], shape[1], shape[2]), world_map=placement.world_map, is_mask=is_mask
    )


def _refuse_other_grid(row: dict[str, Any], mask: Volume, images: list[tuple[str, Volume]]) -> None:
    if not images or any(grid.same_grid(mask, image) for _, image in images):
        return
    sequence, image = images[0]
    raise ImageError(
        f"{row['path']}: the mask lies on another grid ({_grid_text(mask)}) than its scan ({sequence}, "
        f"{_grid_text(image)}); resample it to the scan"
    )


def _grid_text(volume: Volume) -> str:
    size = " x ".join(str(n) for n in volume.data.shape)
    spacing = " x ".join(f"{value:.3g}" for value in volume.spacing_mm)
    origin = ", ".join(f"{value:.1f}" for value in volume.affine[:3, 3])
    return f"{size} voxels of {spacing} mm from {origin}"


def _display_copy(row: dict[str, Any], volume: Volume) -> display.DisplayCopy:
    if row["sequence"] in display.LESION_RGBA:
        return display.mask_copy(volume, row["sequence"])
    return display.image_copy(volume)


def _reason(row: dict[str, Any], error: Exception) -> str:
    """What is wrong, beginning with the path as the source gives it and no path of this machine."""
    if isinstance(error, MemoryError):
        return f"{row['path']}: needs more memory than there is"
    text = str(error) if isinstance(error, ImageError) else f"cannot be read ({type(error).__name__})"
    head, _, rest = text.partition(": ")
    own = rest if rest and head.endswith(Path(str(row["path"])).name) else text
    return f"{row['path']}: {own}"


def _set_aside(row: dict[str, Any], study_id: str, reason: str, done: ImagesDone) -> None:
    label = catalogues.labels("sequences")[row["sequence"]]
    done.rejects.append(
        Reject("series", str(row[FILE]), int(row[ROW]), "path", str(row["path"]), f"{reason}; series set aside")
    )
    done.notes.setdefault(study_id, []).append(f"{label} could not be used: {reason.split(': ', 1)[-1]}")


def _measure(row: dict[str, Any], mask: Volume, study_id: str, patient_id: str, done: ImagesDone) -> None:
    load = lesions.measure(mask)
    done.measured[study_id] = {"t2_count": load.t2_count, "t2_volume_ml": round(load.t2_volume_ml, 6)}
    for component in load.components:
        right, anterior, superior = component.centroid_ras_mm
        done.lesions.append(
            {
                "study_id": study_id, "patient_id": patient_id, "lesion_id": component.number, "track_id": None,
                "region": "unknown", "volume_mm3": component.volume_mm3, "change": None, "centroid_r": right,
                "centroid_a": anterior, "centroid_s": superior, "below_floor": not component.counted,
                FILE: str(row["path"]), ROW: None,
            }
        )  # fmt: skip


def _series_row(
    row: dict[str, Any], read: _Read, copy: display.DisplayCopy, patient_id: str, imaging: Path | None
) -> dict[str, Any]:
    file, volume = read.file, read.shown
    cleaned = without_identity(file)
    content = file_digest(file) if cleaned is None else hashlib.sha256(cleaned).hexdigest()
    identity = f"{patient_id}\0{row['study_id']}\0{row['sequence']}\0{content}"
    series_id = hashlib.sha256(identity.encode()).hexdigest()[:32]
    stored = f"nifti/{content}{'.nii.gz' if file.name.endswith('.gz') else '.nii'}"
    shown = f"display/{series_id}.vti" if copy.vti is not None else None
    if imaging is not None:
        if cleaned is None:
            store_file(file, imaging / stored)
        else:
            store_bytes(cleaned, imaging / stored)
        if copy.vti is not None and shown is not None:
            store_bytes(copy.vti, imaging / shown)
    return {
        "series_id": series_id, "study_id": row["study_id"], "patient_id": patient_id, "sequence": row["sequence"],
        "path": stored, "sha256": content, "shape": [int(size) for size in volume.data.shape],
        "spacing_mm": [round(float(size), 6) for size in nib.affines.voxel_sizes(volume.affine)],
        "origin_mm": [round(float(value), 6) for value in np.asarray(volume.affine)[:3, 3]],
        "box_mm": list(copy.box_mm) if copy.box_mm else None,
        "focus_mm": lesions.focus_mm(volume) if row["sequence"] in catalogues.mask_sequences() else None,
        "space": row.get("space"),
        "display_path": shown,
        "display_sha256": hashlib.sha256(copy.vti).hexdigest() if copy.vti is not None else None,
        "window_low": copy.window[0] if copy.window else None, "window_high": copy.window[1] if copy.window else None,
        FILE: str(row["path"]), ROW: row[ROW],
    }  # fmt: skip
