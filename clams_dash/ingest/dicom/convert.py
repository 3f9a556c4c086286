"""Pixels of a series or a SEG object to a NIfTI file, through highdicom: geometry checked, nothing resampled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import highdicom
import nibabel as nib
import numpy as np
import pydicom

from clams_dash.errors import ImageError
from clams_dash.imaging.nifti import refuse_too_many_voxels
from clams_dash.ingest.dicom.headers import Header, quiet_libraries
from clams_dash.ingest.dicom.rules import series_rules

_SCANNER_SPACE = 1


def volume_of(headers: Sequence[Header]) -> Any:
    """Volume of one series: single frames of one orientation and spacing, or one multi-frame object.

    Raises ImageError saying why it is none: other orientations among the slices, a gap, slices at the same place,
    pixels that cannot be decoded, too many voxels.
    """
    with _as_image_error():
        refuse_too_many_voxels((sum(header.voxels() for header in headers),), "the series")
        datasets = [pydicom.dcmread(header.file) for header in headers]
        if len(datasets) == 1 and int(datasets[0].get("NumberOfFrames", 1)) > 1:
            return highdicom.Image.from_dataset(datasets[0]).get_volume(dtype=np.float32)
        return highdicom.get_volume_from_series(datasets, dtype=np.float32)


def lesions_of(header: Header, scans: Sequence[tuple[str, Any]]) -> tuple[str, Any]:
    """Lesion mask of a SEG object on the grid of the scan it was drawn on.

    Parameters
    ----------
    scans
        Volumes of the study, by SeriesInstanceUID.

    Returns
    -------
    tuple
        Who or what drew it, and the mask (0 and 1).

    Raises ImageError when no segment is a lesion, when it holds fractions, or lies on none of the scans' grids.
    """
    with _as_image_error():
        refuse_too_many_voxels((header.voxels(),), "the segmentation")
        segmentation = highdicom.seg.Segmentation.from_dataset(pydicom.dcmread(header.file))
        if str(segmentation.SegmentationType) != "BINARY":
            raise ImageError(f"is {segmentation.SegmentationType}; a binary mask is needed")
        chosen = [segment for segment in segmentation.SegmentSequence if _is_lesion(segment)]
        if not chosen:
            names = ", ".join(str(segment.SegmentLabel) for segment in segmentation.SegmentSequence)
            raise ImageError(f"has no segment that is a lesion ({names})")
        mask = segmentation.get_volume(
            segment_numbers=[int(segment.SegmentNumber) for segment in chosen], combine_segments=True,
            skip_overlap_checks=True, dtype=np.uint16,
        )  # fmt: skip
    binary = mask.with_array((mask.array > 0).astype(np.uint8))
    named = {str(one.SeriesInstanceUID) for one in segmentation.get("ReferencedSeriesSequence", [])}
    ordered = sorted(scans, key=lambda pair: pair[0] not in named)
    return _author(chosen), _on_grid(binary, [volume for _, volume in ordered])


def _on_grid(mask: Any, volumes: list[Any]) -> Any:
    for volume in volumes:
        try:
            with _as_image_error():
                return mask.match_geometry(volume)
        except ImageError:
            continue
    raise ImageError(f"lies on the grid of none of the study's {len(volumes)} scans; bring the scan it was drawn on")


def _is_lesion(segment: Any) -> bool:
    kinds = frozenset(str(one.CodeValue) for one in segment.get("SegmentedPropertyTypeCodeSequence", []))
    text = f"{segment.get('SegmentLabel', '')} {segment.get('SegmentDescription', '')}"
    return series_rules().is_lesion(kinds, text)


def _author(segments: Sequence[Any]) -> str:
    first = segments[0]
    if first.get("SegmentAlgorithmName"):
        return str(first.SegmentAlgorithmName)
    kind = str(first.get("SegmentAlgorithmType", "")).casefold()
    return f"{kind} segmentation" if kind else "segmentation"


def save_nifti(volume: Any, path: Path) -> None:
    """Write a volume as NIfTI in scanner space. Raises ImageError when its geometry is none."""
    with _as_image_error():
        image = volume.to_nibabel()
    image.set_sform(image.affine, code=_SCANNER_SPACE)
    image.set_qform(image.affine, code=_SCANNER_SPACE)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)


@contextmanager
def _as_image_error() -> Iterator[None]:
    """Warnings of the libraries kept quiet, their errors turned into one line of ours."""
    try:
        with quiet_libraries():
            yield
    except ImageError:
        raise
    except Exception as error:
        # pydicom and highdicom let through whatever the bytes of a damaged file lead to.
        text = " ".join(str(error).split())[:200]
        raise ImageError(f"cannot be converted: {text or type(error).__name__}") from error
