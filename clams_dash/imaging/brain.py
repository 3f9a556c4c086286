"""Where the brain lies in a scan: what is not air in a stripped scan, else the MNI152 brain laid over it.

The template (ICBM 2009a, symmetric, skull stripped) and its mask come with nilearn. It is laid over the scan by an
affine map found by mutual information; the map is kept, because regions are told by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.errors import ImageError
from clams_dash.imaging.nifti import Volume
from clams_dash.imaging.registration.itk import image_of, mask_of, matrix_of
from clams_dash.imaging.registration.levels import clipped
from clams_dash.imaging.registration.search import Pyramid, refine, search
from clams_dash.imaging.registration.settings import RegistrationSettings, registration_settings

BRAIN_ML = (500.0, 2500.0)
"""What can be a brain with its fluid spaces, from infancy to the largest head."""
_STRIPPED_AIR_SHARE = 0.35
_TEMPLATE_MM = 2
_GENTLER = 0.15
"""Twelve degrees of freedom overshoot with the steps of six."""


@dataclass(frozen=True, slots=True)
class Brain:
    """The brain of one scan.

    ``mask`` lies on the scan's own grid. ``template``: 4 x 4, mm RAS+ of the scan to mm of MNI152. ``method`` in words.
    """

    mask: Volume
    template: NDArray[np.float64]
    method: str

    @property
    def volume_ml(self) -> float:
        """Volume of the mask."""
        return float((self.mask.data > 0).sum()) * self.mask.voxel_volume_mm3 / 1000.0


def find_brain(scan: Volume, settings: RegistrationSettings | None = None) -> Brain:
    """Find the brain of a scan. Raises ImageError when what is found cannot be a brain."""
    rules = settings or registration_settings()
    template = _to_template(scan, rules)
    stripped = _without_air(scan)
    if stripped is not None:
        brain = Brain(Volume(stripped, scan.affine), template, "the scan holds the brain alone")
    else:
        brain = Brain(_carried(scan, template), template, "MNI152 brain laid over the scan")
    if not BRAIN_ML[0] <= brain.volume_ml <= BRAIN_ML[1]:
        raise ImageError(f"no brain was found ({brain.volume_ml:.0f} ml by the way: {brain.method})")
    return brain


def _without_air(scan: Volume) -> NDArray[np.uint8] | None:
    """The filled inside of a scan whose outside was set to one value; None for a scan with its head and noise."""
    data = np.asarray(scan.data)
    inside = data != data.min()
    if 1.0 - inside.mean() < _STRIPPED_AIR_SHARE:
        return None
    labels, count = ndimage.label(inside)
    if count == 0:
        return None
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    filled: NDArray[np.uint8] = ndimage.binary_fill_holes(largest).astype(np.uint8)
    millilitres = float(filled.sum()) * scan.voxel_volume_mm3 / 1000.0
    return filled if BRAIN_ML[0] <= millilitres <= BRAIN_ML[1] else None


def _carried(scan: Volume, template: NDArray[np.float64]) -> Volume:
    """The template's brain on the scan's grid."""
    _, brain = _template()
    to_voxels = np.linalg.inv(brain.affine) @ template @ scan.affine
    inside = ndimage.affine_transform(
        brain.data.astype(np.float32), to_voxels[:3, :3], to_voxels[:3, 3], output_shape=scan.data.shape, order=1
    )
    return Volume((inside > 0.5).astype(np.uint8), scan.affine)


def _to_template(scan: Volume, rules: RegistrationSettings) -> NDArray[np.float64]:
    """Affine map of the scan's mm to the template's, found from the template to the scan."""
    head, brain = _template()
    fixed = Pyramid(image_of(head), rules)
    inside = sitk.BinaryDilate(mask_of(brain), [2, 2, 2])
    moving = Pyramid(clipped(image_of(scan), rules), rules)
    rigid = search(fixed, moving, inside, rules, rules.levels[:1])
    affine = sitk.AffineTransform(3)
    affine.SetCenter(rigid.GetCenter())
    affine.SetMatrix(rigid.GetMatrix())
    affine.SetTranslation(rigid.GetTranslation())
    gentle = [replace(level, first_step=level.first_step * _GENTLER) for level in rules.levels[:2]]
    found = refine(fixed, moving, inside, [affine], rules, gentle)
    return np.asarray(np.linalg.inv(matrix_of(found)))


@lru_cache(maxsize=1)
def _template() -> tuple[Volume, Volume]:
    """The template's head and brain mask, read once."""
    from nilearn.datasets import load_mni152_brain_mask, load_mni152_template

    def volume(image: nib.Nifti1Image) -> Volume:
        return Volume(np.asarray(image.dataobj), np.asarray(image.affine, dtype=np.float64))

    return volume(load_mni152_template(_TEMPLATE_MM)), volume(load_mni152_brain_mask(_TEMPLATE_MM))
