"""Volumes as SimpleITK images, transforms as matrices. ITK counts in LPS millimetres, everything else here in RAS."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from clams_dash.imaging.nifti import Volume

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def image_of(volume: Volume) -> sitk.Image:
    """A float image at the same place. A sheared grid is taken as the nearest one without shear."""
    affine = _LPS @ volume.affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    left, _, right = np.linalg.svd(affine[:3, :3] / spacing)
    voxels = np.ascontiguousarray(np.asarray(volume.data, np.float32).transpose(2, 1, 0))
    image: sitk.Image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((left @ right).ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    return image


def mask_of(volume: Volume) -> sitk.Image:
    """A mask as an image of zeros and ones."""
    filled = Volume((np.asarray(volume.data) > 0).astype(np.float32), volume.affine)
    inside: sitk.Image = sitk.Cast(image_of(filled) > 0.5, sitk.sitkUInt8)
    return inside


def matrix_of(transform: sitk.Euler3DTransform | sitk.AffineTransform) -> NDArray[np.float64]:
    """A rigid or affine transform as 4 x 4, mm RAS+ of the fixed image to mm RAS+ of the moving one."""
    centre = np.array(transform.GetCenter())
    turn = np.array(transform.GetMatrix()).reshape(3, 3)
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    matrix[:3, 3] = centre + np.array(transform.GetTranslation()) - turn @ centre
    return np.asarray(_LPS @ matrix @ _LPS)


def rigid_of(matrix: NDArray[np.float64], centre_lps: tuple[float, float, float]) -> sitk.Euler3DTransform:
    """A rigid 4 x 4 (RAS) as a transform that turns about ``centre_lps``."""
    inner = _LPS @ matrix @ _LPS
    transform = sitk.Euler3DTransform()
    transform.SetCenter(centre_lps)
    left, _, right = np.linalg.svd(inner[:3, :3])
    transform.SetMatrix((left @ right).ravel().tolist())
    centre = np.array(centre_lps)
    transform.SetTranslation((inner[:3, :3] @ centre + inner[:3, 3] - centre).tolist())
    return transform


def sampled(image: sitk.Image, spacing_mm: float, smoothing_mm: float) -> sitk.Image:
    """The image smoothed and sampled on an isotropic grid of its own directions."""
    smooth = sitk.SmoothingRecursiveGaussian(image, smoothing_mm) if smoothing_mm else image
    spacing, size = np.array(image.GetSpacing()), np.array(image.GetSize())
    wanted = np.maximum(np.ceil(size * spacing / spacing_mm).astype(int), 4)
    first = (-0.5 + 0.5 * spacing_mm / spacing).tolist()
    grid = sitk.ResampleImageFilter()
    grid.SetNumberOfThreads(1)
    grid.SetOutputDirection(image.GetDirection())
    grid.SetOutputSpacing([spacing_mm] * 3)
    grid.SetOutputOrigin(image.TransformContinuousIndexToPhysicalPoint(first))
    grid.SetSize(wanted.tolist())
    grid.SetInterpolator(sitk.sitkLinear)
    coarser: sitk.Image = grid.Execute(smooth)
    return coarser


def mask_on(mask: sitk.Image, image: sitk.Image) -> sitk.Image:
    """The mask on the grid of an image, by nearest neighbour."""
    carried: sitk.Image = sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    return carried


def cropped(image: sitk.Image, mask: sitk.Image, margin: int) -> tuple[sitk.Image, sitk.Image]:
    """Image and mask cut to the mask's box with ``margin`` voxels around it."""
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(mask)
    box = shape.GetBoundingBox(1)
    low = [max(0, box[axis] - margin) for axis in range(3)]
    high = [min(image.GetSize()[axis], box[axis] + box[3 + axis] + margin) for axis in range(3)]
    size = [end - start for start, end in zip(low, high, strict=True)]
    return sitk.RegionOfInterest(image, size, low), sitk.RegionOfInterest(mask, size, low)
