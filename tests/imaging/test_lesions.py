"""Lesion counting: 26-connectivity, a floor of 14.0 mm3 for the count, the whole mask for the volume."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clams_dash.errors import ImageError
from clams_dash.imaging.lesions import as_mask, focus_mm, measure
from clams_dash.imaging.nifti import Volume, read_nifti


def _mask(*boxes: tuple[slice, slice, slice], spacing: float = 1.0) -> Volume:
    data = np.zeros((40, 40, 40), dtype=np.uint8)
    for box in boxes:
        data[box] = 1
    return Volume(data, np.diag([spacing, spacing, spacing, 1.0]))


def test_fourteen_cubic_millimetres_count_and_thirteen_do_not() -> None:
    load = measure(_mask((slice(1, 3), slice(1, 8), slice(1, 2)), (slice(10, 23), slice(1, 2), slice(1, 2))))

    assert [component.volume_mm3 for component in load.components] == [14.0, 13.0]
    assert [component.counted for component in load.components] == [True, False]
    assert load.t2_count == 1
    assert load.t2_volume_ml == pytest.approx(0.027)


def test_lesions_that_touch_at_a_corner_are_one() -> None:
    load = measure(_mask((slice(5, 8), slice(5, 8), slice(5, 8)), (slice(8, 11), slice(8, 11), slice(8, 11))))

    assert len(load.components) == 1
    assert load.components[0].volume_mm3 == 54


def test_the_centre_of_a_lesion_is_in_world_millimetres() -> None:
    mask = _mask((slice(10, 13), slice(20, 23), slice(30, 33)), spacing=2.0)
    mask.affine[:3, 3] = (-40.0, -50.0, -60.0)

    (lesion,) = measure(mask).components

    assert lesion.centroid_ras_mm == pytest.approx((-18.0, -8.0, 2.0))
    assert lesion.volume_mm3 == pytest.approx(27 * 8)


def test_an_empty_mask_holds_no_lesions() -> None:
    load = measure(_mask())
    assert (load.t2_count, load.t2_volume_ml, load.components) == (0, 0, ())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.3))
def test_the_volume_is_that_of_all_voxels_and_components_are_sorted(seed: int, share: float) -> None:
    data = (np.random.default_rng(seed).random((12, 12, 12)) < share).astype(np.uint8)

    load = measure(Volume(data, np.diag([0.7, 0.7, 3.0, 1.0])))

    assert load.t2_volume_ml == pytest.approx(int(data.sum()) * 0.7 * 0.7 * 3.0 / 1000, abs=1e-3)
    volumes = [component.volume_mm3 for component in load.components]
    assert volumes == sorted(volumes, reverse=True)
    assert [component.number for component in load.components] == list(range(1, len(volumes) + 1))


def test_the_point_to_look_at_lies_inside_the_largest_lesion_even_when_it_is_curved() -> None:
    ring = _mask((slice(10, 21), slice(10, 21), slice(10, 12)), (slice(30, 33), slice(30, 33), slice(30, 33)))
    ring.data[12:19, 12:19, 10:12] = 0
    ring.affine[:3, 3] = (-20.0, -20.0, -20.0)

    point = focus_mm(ring)

    assert point is not None
    voxel = tuple(int(value) for value in np.array(point) + 20)
    assert ring.data[voxel] == 1
    assert voxel[2] in (10, 11)
    assert focus_mm(_mask()) is None


def test_a_probability_map_is_not_a_mask() -> None:
    with pytest.raises(ImageError, match=r"prob\.nii: holds fractions, so it is a probability map"):
        as_mask(Volume(np.array([[[0.2, 0.9]]], dtype=np.float32), np.eye(4)), "prob.nii")


def test_negative_labels_are_refused() -> None:
    with pytest.raises(ImageError, match="labels from 0"):
        as_mask(Volume(np.array([[[-1, 1]]], dtype=np.int16), np.eye(4)), "m.nii")


@pytest.mark.real_data
@pytest.mark.parametrize(("patient", "count", "volume_ml"), [("patient07", 23, 1.300), ("patient19", 44, 49.769)])
def test_consensus_masks_of_real_patients(open_ms_data: Path, patient: str, count: int, volume_ml: float) -> None:
    file = next((open_ms_data / "cross_sectional/MNI" / patient).glob("GOLD_STANDARD*"))

    load = measure(as_mask(read_nifti(file), file.name))

    assert load.t2_count == count
    assert load.t2_volume_ml == pytest.approx(volume_ml, abs=5e-4)
