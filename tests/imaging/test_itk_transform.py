"""ITK transforms: point maps in LPS millimetres from the common space to the study."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from clams_dash.errors import ImageError
from clams_dash.imaging.grid import resample, to_ras
from clams_dash.imaging.itk_transform import read_itk_affine
from clams_dash.imaging.nifti import read_nifti

TURN_ABOUT_CENTRE = """#Insight Transform File V1.0
#Transform 0
Transform: MatrixOffsetTransformBase_double_3_3
Parameters: 0 -1 0 1 0 0 0 0 1 5 6 7
FixedParameters: 10 20 30
"""


def _written(folder: Path, text: str) -> Path:
    path = folder / "transform.txt"
    path.write_text(text)
    return path


def test_a_point_is_turned_about_the_centre_and_then_shifted(tmp_path: Path) -> None:
    """In LPS: (11, 20, 30) lies 1 mm from the centre; turned by 90 degrees and shifted it is (15, 27, 37)."""
    ras = read_itk_affine(_written(tmp_path, TURN_ABOUT_CENTRE))

    np.testing.assert_allclose(nib.affines.apply_affine(ras, [-11, -20, 30]), [-15, -27, 37])


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("MatrixOffsetTransformBase_double_3_3", "BSplineTransform_double_3_3", "an affine ITK transform is needed"),
        ("Parameters: 0 -1 0", "Parameters: 0 0 0", "cannot be inverted"),
        ("Parameters: 0 -1", "Parameters: nan -1", "12 finite parameters"),
        ("5 6 7", "5 6", "12 finite parameters"),
        ("10 20 30", "ten 20 30", "not a number"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, old: str, new: str, reason: str) -> None:
    with pytest.raises(ImageError, match=reason) as refused:
        read_itk_affine(_written(tmp_path, TURN_ABOUT_CENTRE.replace(old, new)))
    assert "transform.txt" in str(refused.value)


@pytest.mark.real_data
def test_two_real_studies_agree_on_the_common_grid_and_not_without_their_transforms(open_ms_data: Path) -> None:
    folder = open_ms_data / "longitudinal/raw/patient01"
    grid = to_ras(read_nifti(folder / "gt.nii.gz"), is_mask=True)
    brain = (
        to_ras(read_nifti(open_ms_data / "longitudinal/coregistered/patient01/brainmask.nii.gz"), is_mask=True).data > 0
    )

    def agreement(use_transforms: bool) -> float:
        shown = []
        for study in (1, 2):
            world_map = read_itk_affine(folder / f"study{study}_FLAIR_to_common_space.txt") if use_transforms else None
            image = read_nifti(folder / f"study{study}_FLAIR.nii.gz")
            shape = grid.data.shape
            shown.append(resample(image, grid.affine, (shape[0], shape[1], shape[2]), world_map=world_map).data[brain])
        return float(np.corrcoef(shown[0], shown[1])[0, 1])

    assert agreement(use_transforms=True) > 0.93
    assert agreement(use_transforms=False) < 0.3
