"""Black holes and enhancing lesions against the white matter around them."""

from __future__ import annotations

import numpy as np

from clams_dash.imaging.lesion_settings import lesion_settings
from clams_dash.imaging.lesion_signal import lesion_signals
from clams_dash.imaging.nifti import Volume
from tests.imaging.masks import cube, mask_of

SETTINGS = lesion_settings().t1
HOLE, GREY, BRIGHT = cube(10, 10, 10, 5), cube(30, 30, 30, 4), cube(45, 10, 10, 3)


def _t1(hole: float, grey: float, bright: float) -> Volume:
    data = np.full((60, 60, 60), 100.0, dtype=np.float32)
    for box, level in ((HOLE, hole), (GREY, grey), (BRIGHT, bright)):
        data[tuple(slice(*part) for part in box)] = level
    return Volume(data, np.eye(4))


def test_a_lesion_dark_on_t1_is_a_black_hole_unless_it_enhances() -> None:
    found = lesion_signals(mask_of(HOLE, GREY, BRIGHT), _t1(60, 90, 70), _t1(60, 90, 150), SETTINGS)
    assert [(one.black_hole, one.enhancing) for one in found] == [(True, False), (False, False), (False, True)]
    assert found[0].t1_share is not None
    assert abs(found[0].t1_share - 0.6) < 1e-6


def test_without_the_images_nothing_is_said() -> None:
    mask = mask_of(HOLE, GREY, BRIGHT)
    assert {one.black_hole for one in lesion_signals(mask, None, None, SETTINGS)} == {None}
    assert {one.enhancing for one in lesion_signals(mask, _t1(60, 90, 70), None, SETTINGS)} == {None}


def test_cortex_and_fluid_around_a_lesion_do_not_make_it_bright() -> None:
    t1 = _t1(60, 90, 100)
    t1.data[16:] = np.where(t1.data[16:] == 100, 25.0, t1.data[16:])
    assert lesion_signals(mask_of(HOLE), t1, None, SETTINGS)[0].black_hole
