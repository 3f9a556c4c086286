"""Two scans of one head: a known motion is found again, and what cannot be trusted is not called a match."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from clams_dash.config import real_data_dir
from clams_dash.imaging import grid
from clams_dash.imaging.itk_transform import read_itk_affine
from clams_dash.imaging.nifti import Volume, read_nifti
from clams_dash.imaging.registration import register, register_near
from clams_dash.imaging.registration.pairs import grade
from clams_dash.imaging.registration.settings import registration_settings

LONGITUDINAL = real_data_dir() / "open_ms_data" / "longitudinal"


def motion(degrees: float, millimetres: float, seed: int) -> NDArray[np.float64]:
    """A turn about some axis and a shift in some direction."""
    dice = np.random.default_rng(seed)
    axis, way = dice.normal(size=3), dice.normal(size=3)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(np.deg2rad(degrees) * axis / np.linalg.norm(axis)).as_matrix()
    matrix[:3, 3] = millimetres * way / np.linalg.norm(way)
    return matrix


def brain_like(seed: int) -> tuple[Volume, Volume]:
    """Folded tissue in an egg of brain size, 2 mm voxels, nothing outside; and its mask."""
    dice = np.random.default_rng(seed)
    shape = (84, 100, 80)
    place = np.moveaxis(np.indices(shape), 0, -1) - (np.array(shape) - 1) / 2
    inside = (np.abs(place / (34, 42, 32)) ** 2.3).sum(axis=-1) < 1
    folds = np.zeros(shape)
    for size in (1.5, 3.0, 6.0):
        folds += ndimage.gaussian_filter(dice.normal(size=shape), size) * size**1.5
    levels = np.where(inside, 110 + 60 * np.tanh(folds), 0).astype(np.float32)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = (-84, -110, -70)
    return Volume(levels, affine), Volume(inside.astype(np.uint8), affine)


def error_mm(found: NDArray[np.float64], truth: NDArray[np.float64], brain: Volume) -> float:
    points = nib.affines.apply_affine(brain.affine, np.argwhere(brain.data > 0)[::53])
    gaps = nib.affines.apply_affine(found, points) - nib.affines.apply_affine(truth, points)
    return float(np.linalg.norm(gaps, axis=1).mean())


def moved(scan: Volume, truth: NDArray[np.float64], spacing: tuple[float, float, float]) -> Volume:
    """The scan as another study would see it: moved by ``truth``, on a grid of its own, with noise."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (-100, -120, -90)
    shape = tuple(int(size) for size in np.ceil(np.array([200, 240, 190]) / spacing))
    seen = grid.resample(scan, affine, (shape[0], shape[1], shape[2]), world_map=np.asarray(np.linalg.inv(truth)))
    noise = np.random.default_rng(5).normal(0, 2, seen.data.shape) * (seen.data > 0)
    return Volume((0.8 * seen.data + noise + 5 * (seen.data > 0)).astype(np.float32), affine)


@pytest.mark.parametrize(
    ("degrees", "millimetres", "spacing"),
    [(15, 20, (2.0, 2.0, 2.0)), pytest.param(9, 12, (1.5, 1.5, 4.0), marks=pytest.mark.slow)],
)
def test_a_known_motion_is_found_again(degrees: float, millimetres: float, spacing: tuple[float, float, float]) -> None:
    scan, brain = brain_like(3)
    truth = motion(degrees, millimetres, 11)
    found = register(scan, moved(scan, truth, spacing), brain)
    assert error_mm(found.matrix, truth, brain) < 0.5
    assert found.quality == "pass", found.reason


@pytest.mark.slow
def test_the_same_scans_give_the_same_transform() -> None:
    scan, brain = brain_like(4)
    other = moved(scan, motion(4, 5, 2), (2.0, 2.0, 2.0))
    first, again = (register_near(scan, other, brain).matrix for _ in range(2))
    np.testing.assert_allclose(first, again, atol=1e-6)


def test_another_persons_head_is_no_match() -> None:
    scan, brain = brain_like(6)
    stranger, _ = brain_like(7)
    found = register(scan, stranger, brain)
    assert found.quality != "pass"
    assert found.reason


@pytest.mark.parametrize(
    ("error", "overlap", "metric", "quality"),
    [(0.2, 0.99, 1.2, "pass"), (1.0, 0.99, 1.2, "doubtful"), (9.0, 0.99, 1.2, "fail"), (0.2, 0.8, 1.2, "doubtful"),
     (0.2, 0.5, 1.2, "fail"), (0.2, 0.99, 1.01, "fail"), (float("inf"), 1.0, 1.2, "fail")],
)  # fmt: skip
def test_what_is_measured_decides_the_grade(error: float, overlap: float, metric: float, quality: str) -> None:
    assert grade(error, overlap, metric, registration_settings().grade)[0] == quality


def _published(name: str) -> NDArray[np.float64]:
    return read_itk_affine(LONGITUDINAL / "raw" / "patient01" / f"{name}.txt")


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif(not LONGITUDINAL.exists(), reason=f"no real scans at {LONGITUDINAL}")
@pytest.mark.parametrize(("fixed", "moving"), [("study1_FLAIR", "study2_FLAIR"), ("study1_FLAIR", "study1_T1W"),
                                               ("study2_FLAIR", "study2_T1W")])  # fmt: skip
def test_real_scans_lie_as_published_from_headers_that_are_wrong(fixed: str, moving: str) -> None:
    """Perturbed by 10 degrees and 15 mm; the published transforms are the yardstick, 0.5 mm over the brain."""
    to_fixed = _published(f"{fixed}_to_common_space")
    if moving.endswith("FLAIR"):
        truth = _published(f"{moving}_to_common_space") @ np.linalg.inv(to_fixed)
    else:
        truth = _published(f"{moving}_intrastudy_to_FLAIR")
    wrong = motion(10, 15, 1)
    folder = LONGITUDINAL / "raw" / "patient01"
    scan, other = read_nifti(folder / f"{fixed}.nii.gz"), read_nifti(folder / f"{moving}.nii.gz")
    mask = read_nifti(LONGITUDINAL / "coregistered" / "patient01" / "brainmask.nii.gz")
    brain = Volume((mask.data > 0).astype(np.uint8), to_fixed @ mask.affine)
    found = register(scan, Volume(other.data, wrong @ other.affine), brain)
    assert error_mm(found.matrix, wrong @ truth, brain) < 0.5
    assert found.quality == "pass", found.reason
