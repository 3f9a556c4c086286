"""Orientation: a flipped brain is the one error a clinician will not forgive."""

import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from clams_dash.imaging.grid import resample, same_grid, to_ras
from clams_dash.imaging.nifti import Volume

SHAPE_RAS = (24, 30, 18)
SPACING_RAS = (1.0, 1.5, 2.0)
MARK = (5, 20, 12)
ALL_AXIS_CODES = [codes for axes in itertools.permutations(("RL", "AP", "SI")) for codes in itertools.product(*axes)]


def _ras_volume() -> Volume:
    data = np.zeros(SHAPE_RAS, dtype=np.float32)
    data[MARK] = 100.0
    affine = np.diag([*SPACING_RAS, 1.0])
    affine[:3, 3] = (-12.0, -20.0, 7.0)
    return Volume(data, affine)


def _reoriented(volume: Volume, codes: tuple[str, ...]) -> Volume:
    """The same image stored with other axes, by nibabel's own tools."""
    target = nib.orientations.axcodes2ornt(codes)
    image = nib.Nifti1Image(volume.data, volume.affine)
    changed = image.as_reoriented(nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), target))
    return Volume(np.asarray(changed.dataobj), changed.affine)


def _world_of_mark(volume: Volume) -> np.ndarray:
    world: np.ndarray = nib.affines.apply_affine(
        volume.affine, np.unravel_index(int(volume.data.argmax()), volume.data.shape)
    )
    return world


def test_there_are_48_ways_to_store_a_scan() -> None:
    assert len(set(ALL_AXIS_CODES)) == 48


@pytest.mark.parametrize("codes", ALL_AXIS_CODES, ids="".join)
def test_however_a_scan_is_stored_it_comes_out_right_anterior_superior(codes: tuple[str, ...]) -> None:
    original = _ras_volume()

    shown = to_ras(_reoriented(original, codes))

    np.testing.assert_array_equal(shown.data, original.data)
    np.testing.assert_allclose(shown.affine, original.affine, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(ALL_AXIS_CODES),
    st.tuples(st.floats(-20, 20), st.floats(-20, 20), st.floats(-20, 20)).filter(lambda a: max(map(abs, a)) > 0.5),
)
def test_a_mark_in_an_oblique_scan_stays_where_it_is_in_the_world(
    codes: tuple[str, ...], angles: tuple[float, float, float]
) -> None:
    stored = _reoriented(_ras_volume(), codes)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    oblique = Volume(stored.data, turn @ stored.affine)

    shown = to_ras(oblique)

    assert np.count_nonzero(shown.affine[:3, :3] - np.diag(np.diag(shown.affine[:3, :3]))) == 0
    assert (np.diag(shown.affine[:3, :3]) > 0).all()
    weights = shown.data / shown.data.sum()
    centre = [
        float((weights.sum(axis=tuple({0, 1, 2} - {axis})) * np.arange(shown.data.shape[axis])).sum())
        for axis in range(3)
    ]
    gap = nib.affines.apply_affine(shown.affine, centre) - _world_of_mark(oblique)
    assert (np.abs(gap) <= 0.5 * np.array(shown.spacing_mm) + 1e-6).all()


def test_a_mask_keeps_its_labels_when_it_is_resampled() -> None:
    data = np.zeros((20, 20, 20), dtype=np.uint16)
    data[4:9, 5:9, 6:9] = 7
    data[12:15, 12:16, 3:8] = 300
    shift = np.eye(4)
    shift[:3, 3] = (0.4, -0.3, 0.2)

    moved = resample(Volume(data, np.eye(4)), np.eye(4), (20, 20, 20), world_map=shift, is_mask=True)

    assert set(np.unique(moved.data)) == {0, 7, 300}


def test_grids_are_the_same_only_with_same_shape_and_place() -> None:
    first = _ras_volume()
    elsewhere = first.affine.copy()
    elsewhere[0, 3] += 0.2

    assert same_grid(first, Volume(np.zeros(SHAPE_RAS), first.affine))
    assert not same_grid(first, Volume(np.zeros(SHAPE_RAS), elsewhere))
    assert not same_grid(first, Volume(np.zeros((24, 30, 19)), first.affine))
