"""Two scans of one person: the rigid map between them, found twice on different ways, and what to think of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from clams_dash.imaging.nifti import Volume
from clams_dash.imaging.registration.itk import cropped, image_of, mask_of, mask_on, matrix_of, rigid_of, sampled
from clams_dash.imaging.registration.levels import clipped
from clams_dash.imaging.registration.search import Pyramid, overlap, refine, search
from clams_dash.imaging.registration.settings import GradeLimits, RegistrationSettings, registration_settings

Matrix = NDArray[np.float64]
Points = NDArray[np.float64]
Quality = Literal["pass", "doubtful", "fail"]
_WORKING_MM = 1.0
_MARGIN = 32
_RIM_MM = 3
_POINTS = 4000
_BINS = 48
_ELSEWHERE_DEG, _ELSEWHERE_MM = 2.0, 3.0


@dataclass(frozen=True, slots=True)
class Aligned:
    """How a study lies over the reference.

    ``matrix``: 4 x 4, mm RAS+ of the reference to mm RAS+ of the study. ``error_mm``: mean distance over the brain
    between the results of the two ways. ``overlap``: share of the reference's brain inside the study. ``metric``:
    normalised mutual information in the brain, from 1 (unrelated) to 2.
    """

    matrix: NDArray[np.float64]
    metric: float
    overlap: float
    error_mm: float
    quality: Quality
    reason: str


def register(reference: Volume, study: Volume, brain: Volume, settings: RegistrationSettings | None = None) -> Aligned:
    """Lay a study over the reference.

    Parameters
    ----------
    brain
        Mask of the brain in the reference's space, any grid.

    The second way goes from the study to the reference and begins elsewhere; the result is the middle of both.
    """
    rules = settings or registration_settings()
    pair = _Pair.of(reference, study, brain, rules)
    there = matrix_of(pair.search())
    back = pair.back(there)
    if pair.apart(there, back) > rules.grade.doubtful_error_mm:
        # One way was lost: the better one starts the other anew.
        there = pair.onward(there if pair.likeness(there) >= pair.likeness(back) else back)
        back = pair.back(there)
    return pair.judged(there, back)


def register_near(
    reference: Volume, study: Volume, brain: Volume, settings: RegistrationSettings | None = None
) -> Aligned:
    """As :func:`register`, for scans known to lie nearly over each other: two sequences of one study."""
    rules = settings or registration_settings()
    pair = _Pair.of(reference, study, brain, rules)
    there = pair.onward(np.eye(4))
    return pair.judged(there, pair.back(there))


def grade(error_mm: float, overlapping: float, metric: float, limits: GradeLimits) -> tuple[Quality, str]:
    """Pass, doubtful or fail, with the measured values in words."""
    agree, seen = f"two ways agree within {error_mm:.1f} mm", f"{overlapping:.0%} of the brain seen in both"
    alike = metric >= limits.pass_metric
    facts = [
        (agree, error_mm <= limits.pass_error_mm, error_mm <= limits.doubtful_error_mm),
        (seen, overlapping >= limits.pass_overlap, overlapping >= limits.doubtful_overlap),
        (f"likeness {metric:.2f}", alike, alike),
    ]
    if all(good for _, good, _ in facts):
        return "pass", ", ".join(words for words, _, _ in facts)
    bad = ", ".join(words for words, good, _ in facts if not good)
    if all(fair for _, _, fair in facts):
        return "doubtful", bad
    return "fail", bad


@dataclass(frozen=True)
class _Pair:
    """Two scans made ready: pyramids, the brain with a rim and without, points of the brain (mm RAS+)."""

    fixed: Pyramid
    moving: Pyramid
    inside: sitk.Image
    core: sitk.Image
    points: Points
    rules: RegistrationSettings

    @classmethod
    def of(cls, reference: Volume, study: Volume, brain: Volume, rules: RegistrationSettings) -> _Pair:
        fixed = sampled(clipped(image_of(reference), rules), _WORKING_MM, 0)
        inside = sitk.BinaryDilate(mask_on(mask_of(brain), fixed), [rules.dilate_mm] * 3)
        fixed, inside = cropped(fixed, inside, _MARGIN)
        moving = sampled(clipped(image_of(study), rules), _WORKING_MM, 0)
        core = sitk.BinaryErode(inside, [rules.dilate_mm + _RIM_MM] * 3)
        return cls(Pyramid(fixed, rules), Pyramid(moving, rules), inside, core, _points(brain), rules)

    @property
    def middle(self) -> Points:
        return np.asarray(self.points.mean(axis=0))

    def search(self) -> sitk.Euler3DTransform:
        """Reference to study, from anywhere."""
        return search(self.fixed, self.moving, self.inside, self.rules, self.rules.levels)

    def onward(self, start: Matrix) -> Matrix:
        """Reference to study, from a start near the answer."""
        begun = rigid_of(start @ _off(self.middle), _lps(self.middle))
        return matrix_of(refine(self.fixed, self.moving, self.inside, [begun], self.rules, self.rules.levels[1:]))

    def back(self, first: Matrix) -> Matrix:
        """The way back from a start a little off ``first``, as a map of reference to study."""
        middle = _mapped(first, self.middle)
        image = self.moving.at(_WORKING_MM)
        through = rigid_of(np.asarray(np.linalg.inv(first)), _lps(middle))
        seen = sitk.Resample(self.inside, image, through, sitk.sitkNearestNeighbor, 0)
        if not sitk.GetArrayViewFromImage(seen).any():
            return np.full((4, 4), np.nan)
        start = rigid_of(np.linalg.inv(first) @ _off(middle), _lps(middle))
        found = refine(self.moving, self.fixed, seen, [start], self.rules, self.rules.levels[1:])
        return np.asarray(np.linalg.inv(matrix_of(found)))

    def apart(self, first: Matrix, second: Matrix) -> float:
        """Mean distance (mm) between two results over the brain; infinite where one is none."""
        gaps = _mapped(first, self.points) - _mapped(second, self.points)
        distance = float(np.linalg.norm(gaps, axis=1).mean())
        return distance if np.isfinite(distance) else np.inf

    def likeness(self, matrix: Matrix) -> float:
        """Normalised mutual information under a map; 1 where there is none."""
        if not np.isfinite(matrix).all():
            return 1.0
        # Within the brain only: any two heads share an outline.
        return _mutual_information(self.fixed.at(_WORKING_MM), self.moving.at(_WORKING_MM), self.core, matrix)

    def judged(self, there: Matrix, back: Matrix) -> Aligned:
        """The middle of both ways, and what to think of it."""
        matrix = _between(there, back, self.middle)
        share = overlap(self.inside, self.moving.at(_WORKING_MM), rigid_of(matrix, _lps(self.middle)))
        metric, error = self.likeness(matrix), self.apart(there, back)
        quality, reason = grade(error, share, metric, self.rules.grade)
        return Aligned(matrix, metric, share, error, quality, reason)


def _off(middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """A small motion about a point."""
    turn = Rotation.from_euler("xyz", [_ELSEWHERE_DEG, -_ELSEWHERE_DEG, _ELSEWHERE_DEG], degrees=True).as_matrix()
    off = np.eye(4)
    off[:3, :3] = turn
    shift = np.array([_ELSEWHERE_MM, -_ELSEWHERE_MM, _ELSEWHERE_MM]) / np.sqrt(3)
    off[:3, 3] = middle - turn @ middle + shift
    return off


def _lps(point: NDArray[np.float64]) -> tuple[float, float, float]:
    return -float(point[0]), -float(point[1]), float(point[2])


def _points(brain: Volume) -> NDArray[np.float64]:
    voxels = np.argwhere(np.asarray(brain.data) > 0)
    chosen = voxels[:: max(1, len(voxels) // _POINTS)]
    return np.asarray(nib.affines.apply_affine(brain.affine, chosen))


def _mapped(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(nib.affines.apply_affine(matrix, points))


def _between(
    first: NDArray[np.float64], second: NDArray[np.float64], middle: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The rigid motion half way between two, taken at the middle of the brain."""
    if not np.isfinite(second).all():
        return first
    both = Rotation.from_matrix(np.stack([first[:3, :3], second[:3, :3]])).mean().as_matrix()
    target = (_mapped(first, middle) + _mapped(second, middle)) / 2
    matrix = np.eye(4)
    matrix[:3, :3] = both
    matrix[:3, 3] = target - both @ middle
    return matrix


def _mutual_information(
    fixed: sitk.Image, moving: sitk.Image, inside: sitk.Image, matrix: NDArray[np.float64]
) -> float:
    """Normalised mutual information (Studholme 1999) of the voxels seen in both."""
    whole = sitk.Image(moving.GetSize(), sitk.sitkUInt8) + 1
    whole.CopyInformation(moving)
    through = rigid_of(matrix, (0.0, 0.0, 0.0))
    there = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, through, sitk.sitkLinear, 0.0))
    seen = sitk.GetArrayFromImage(sitk.Resample(whole, fixed, through, sitk.sitkNearestNeighbor, 0)) > 0
    both = (sitk.GetArrayFromImage(inside) > 0) & seen
    if both.sum() < _POINTS:
        return 1.0
    counts, _, _ = np.histogram2d(sitk.GetArrayFromImage(fixed)[both], there[both], bins=_BINS)
    joint = counts / counts.sum()
    alone = _entropy(joint.sum(axis=0)) + _entropy(joint.sum(axis=1))
    together = _entropy(joint.ravel())
    return alone / together if together > 0 else 1.0


def _entropy(shares: NDArray[np.float64]) -> float:
    some = shares[shares > 0]
    return float(-(some * np.log(some)).sum())
