"""Must show: lesion change on phantom masks with truth, half a millimetre off, against the limits of the project."""

from __future__ import annotations

import numpy as np
import pytest

from clams_dash.cohort.phantom_lesions import PhantomLesion
from clams_dash.cohort.phantom_pair_scores import Hits, pair_scores
from clams_dash.cohort.phantom_pairs import PhantomPerson, grids, motion_of, read_mask


@pytest.fixture
def person() -> PhantomPerson:
    shape, affine = (60, 60, 60), np.eye(4)
    block = np.zeros(shape, dtype=bool)
    block[20:26, 20:26, 21:27] = True
    lesion = PhantomLesion(1, "deep_white_matter", np.flatnonzero(block), 0, (216,), 1.0, 0.3, frozenset())
    brain = np.argwhere(np.ones((6, 6, 6))).astype(np.float64) * 10.0
    return PhantomPerson([lesion], (0.0,), shape, affine, brain)


def test_a_motion_displaces_the_brain_by_what_was_asked(person: PhantomPerson) -> None:
    motion = motion_of(person, 0.5, np.random.default_rng(3))
    moved = person.brain @ motion[:3, :3].T + motion[:3, 3]
    assert np.linalg.norm(moved - person.brain, axis=1).mean() == pytest.approx(0.5, abs=1e-4)


def test_a_lesion_is_read_where_the_head_has_moved_it(person: PhantomPerson) -> None:
    motion = np.eye(4)
    motion[:3, 3] = (5.0, -3.0, 0.0)
    for _, first, _ in grids(person):
        mask = read_mask(person, 0, first, motion)
        centre = np.argwhere(mask).mean(axis=0) * [1, 1, first.thickness] + [0, 0, (first.thickness - 1) / 2]
        assert centre == pytest.approx([27.5, 19.5, 23.5], abs=0.6)
        assert mask.sum() * first.voxel_mm3 == pytest.approx(216, rel=0.05)


def test_f1_counts_what_is_missed_and_what_is_false() -> None:
    hits = Hits()
    hits.add({1, 2, 3}, {2, 3, 4})
    assert hits.f1 == pytest.approx(2 / 3)


@pytest.mark.slow
def test_change_is_found_within_the_limits_half_a_millimetre_off() -> None:
    found = {kind: scores.to_json() for kind, scores in pair_scores(4).items()}
    for kind in ("3D and 3D", "2D and 2D"):
        figures = found[kind]
        assert figures["new_true"] >= 10
        assert figures["new_f1"] >= 0.95, (kind, figures)
        assert figures["enlarging_f1"] >= 0.85, (kind, figures)
        assert figures["median_volume_error_percent"] < 5.0, (kind, figures)
        assert figures["false_new_per_unchanged_pair"] < 0.1, (kind, figures)
        assert figures["unchanged_within_stated_error"] >= 0.9, (kind, figures)
