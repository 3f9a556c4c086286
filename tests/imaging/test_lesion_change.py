"""New, enlarging, stable, shrinking, resolved: one rule, and the same two scans the other way round swap the words."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from clams_dash.errors import FactsError
from clams_dash.imaging.lesion_change import PairChange, compare
from clams_dash.imaging.lesion_matching import match
from clams_dash.imaging.lesion_reliability import grade, volume_errors
from clams_dash.imaging.lesion_settings import LESIONS_FILE, lesion_settings, load_settings
from clams_dash.imaging.lesion_tracks import MaskStudy, Tracks, follow
from clams_dash.imaging.lesions import LabelledMask
from tests.imaging.masks import Box, cube, mask_of, measured, placed

SETTINGS = lesion_settings()
BIG = cube(10, 10, 10, 10)


def change(first: LabelledMask, second: LabelledMask, days: int = 365) -> PairChange:
    return compare(measured(first), measured(second), days, 0.5, SETTINGS)


def kinds(found: PairChange) -> list[str]:
    return sorted(one.change for one in found.lesions)


def test_a_lesion_clear_of_all_others_is_new_and_one_without_a_trace_is_resolved() -> None:
    found = change(mask_of(BIG, cube(40, 40, 40)), mask_of(BIG, cube(40, 10, 10)))
    assert kinds(found) == ["new", "resolved", "stable"]
    assert (found.new.value, found.count("resolved")) == (1, 1)


@pytest.mark.parametrize(("gap", "error_mm", "clear"), [(0, 0.5, False), (1, 0.5, True), (1, 1.0, False)])
def test_a_rim_beside_a_lesion_is_part_of_it_and_not_new(gap: int, error_mm: float, clear: bool) -> None:
    """What is beside the earlier lesion by one voxel and what the registration may be wrong does not clear it."""
    thin: Box = ((20 + gap, 21 + gap), (10, 14), (10, 14))
    groups = match(placed(mask_of(BIG)), placed(mask_of(thin)), error_mm, SETTINGS.matching)
    assert any(not one.earlier for one in groups) == clear


def test_a_lesion_below_the_counting_floor_before_is_not_new_once_it_is_above() -> None:
    found = change(mask_of(cube(30, 30, 30, 2)), mask_of(cube(29, 29, 29, 4)))
    assert found.new.value == 0
    assert [one.change for one in found.lesions] == ["enlarging"]


def test_a_new_lesion_below_the_floor_is_listed_and_not_counted() -> None:
    found = change(mask_of(BIG), mask_of(BIG, cube(40, 40, 40, 2)))
    assert kinds(found) == ["new", "stable"]
    assert found.new.value == 0


@pytest.mark.parametrize(
    ("pieces", "event"),
    [((cube(10, 10, 10, 10),), None), ((((10, 14), (10, 20), (10, 20)), ((16, 20), (10, 20), (10, 20))), "split")],
)
def test_a_split_is_said_and_its_pieces_count_together(pieces: tuple[Box, ...], event: str | None) -> None:
    (forward,) = change(mask_of(BIG), mask_of(*pieces)).lesions
    (backward,) = change(mask_of(*pieces), mask_of(BIG)).lesions
    assert forward.group.event == event
    assert backward.group.event == ("merge" if event else None)
    assert forward.after_mm3 == 1000 - (200 if event else 0)


def test_growth_of_nine_percent_a_year_beyond_the_error_enlarges() -> None:
    small, grown = mask_of(cube(20, 20, 20, 8)), mask_of(cube(20, 20, 20, 10))
    (lesion,) = change(small, grown).lesions
    assert lesion.percent_per_year == pytest.approx(100 * (1000 / 512 - 1), rel=0.01)
    assert lesion.after_mm3 - lesion.before_mm3 > lesion.error_mm3
    assert lesion.change == "enlarging"
    assert [one.change for one in change(small, grown, days=30 * 365).lesions] == ["stable"]


def test_growth_within_the_lesions_own_error_is_undecided_and_counts_as_stable() -> None:
    before, after = (
        mask_of(((20, 23), (20, 23), (20, 22))),
        mask_of(((20, 23), (20, 23), (20, 22)), ((23, 24), (20, 23), (20, 21))),
    )
    (lesion,) = change(before, after).lesions
    assert lesion.percent_per_year is not None
    assert lesion.percent_per_year > 9
    assert (lesion.change, lesion.undecided) == ("stable", True)


def test_scans_a_week_apart_say_nothing_of_enlarging() -> None:
    (lesion,) = change(mask_of(cube(20, 20, 20, 8)), mask_of(cube(20, 20, 20, 10)), days=7).lesions
    assert (lesion.change, lesion.percent_per_year) == ("stable", None)


boxes = st.lists(
    st.tuples(*(st.tuples(st.integers(0, 50), st.integers(1, 9)) for _ in range(3))).map(
        lambda parts: tuple((start, start + size) for start, size in parts)
    ),
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(boxes, boxes, st.integers(28, 3000))
def test_the_same_scans_the_other_way_round_swap_the_words(first: list[Box], second: list[Box], days: int) -> None:
    mirror = {
        "new": "resolved",
        "resolved": "new",
        "enlarging": "shrinking",
        "shrinking": "enlarging",
        "stable": "stable",
    }
    forward, backward = change(mask_of(*first), mask_of(*second), days), change(mask_of(*second), mask_of(*first), days)
    assert {(one.group.earlier, one.group.later, one.change) for one in forward.lesions} == {
        (one.group.later, one.group.earlier, mirror[one.change]) for one in backward.lesions
    }


@settings(max_examples=40, deadline=None)
@given(boxes, boxes)
def test_every_lesion_of_either_scan_is_in_exactly_one_group(first: list[Box], second: list[Box]) -> None:
    masks = mask_of(*first), mask_of(*second)
    groups = match(placed(masks[0]), placed(masks[1]), 0.5, SETTINGS.matching)
    assert sorted(number for one in groups for number in one.earlier) == list(range(1, len(masks[0].components) + 1))
    assert sorted(number for one in groups for number in one.later) == list(range(1, len(masks[1].components) + 1))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_lesions_are_matched_through_any_rigid_registration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = mask_of(BIG, cube(40, 40, 40), cube(40, 10, 30, 6))
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(rng.normal(size=3)).as_matrix()
    pose[:3, 3] = rng.normal(0, 50, 3)
    moved = LabelledMask(mask.labels, pose @ mask.affine, mask.components)
    groups = match(placed(mask), placed(moved, pose), 0.5, SETTINGS.matching)
    assert [(one.earlier, one.later) for one in groups] == [((1,), (1,)), ((2,), (2,)), ((3,), (3,))]


def test_without_registration_the_same_masks_are_new_and_resolved() -> None:
    pose = np.eye(4)
    pose[0, 3] = 200.0
    found = compare(measured(mask_of(BIG)), measured(mask_of(BIG), pose), 365, 0.5, SETTINGS)
    assert kinds(found) == ["new", "resolved"]


def test_an_empty_mask_is_compared_as_one() -> None:
    assert kinds(change(mask_of(), mask_of(BIG))) == ["new"]
    assert change(mask_of(), mask_of()).lesions == ()


def test_a_small_lesion_is_less_sure_than_a_large_one() -> None:
    shares = []
    for size in (3, 6, 12):
        (error,) = volume_errors(mask_of(cube(20, 20, 20, size)), 0.5, SETTINGS.reliability)
        shares.append(error.total_mm3 / size**3)
    assert shares == sorted(shares, reverse=True)
    assert grade(shares[0] * 27, 27, SETTINGS.reliability) != "high"


def test_a_count_that_hangs_on_the_registration_is_graded_low() -> None:
    sure = change(mask_of(BIG), mask_of(BIG, cube(40, 40, 40, 6))).new
    assert (sure.low, sure.value, sure.high, sure.grade) == (1, 1, 1, "high")
    edge: Box = ((40, 43), (40, 43), (40, 42))
    unsure = change(mask_of(BIG), mask_of(BIG, edge)).new
    assert (unsure.low, unsure.value) == (0, 1)
    assert unsure.grade != "high"


def _tracks(*masks: LabelledMask, misplaced: tuple[int, ...] = ()) -> Tracks:
    studies = [
        MaskStudy(f"s{number}", date(2020 + number, 1, 1), measured(mask), number not in misplaced, 0.2)
        for number, mask in enumerate(masks)
    ]
    return follow(studies, SETTINGS.matching)


def test_a_lesion_keeps_its_name_through_split_and_merge() -> None:
    halves = (((10, 14), (10, 20), (10, 20)), ((16, 20), (10, 20), (10, 20)))
    found = _tracks(mask_of(BIG), mask_of(*halves), mask_of(BIG, cube(40, 40, 40)))
    assert {name for (study, _), name in found.track_of.items() if study == "s1"} == {"L001"}
    assert found.track_of[("s2", 1)] == "L001"
    assert found.track_of[("s2", 2)] == "L002"


def test_a_lesion_that_comes_back_is_known_at_its_place() -> None:
    found = _tracks(mask_of(BIG, cube(40, 40, 40)), mask_of(BIG), mask_of(BIG, cube(40, 40, 40)))
    assert found.track_of[("s2", 2)] == found.track_of[("s0", 2)]
    assert found.seen_before == frozenset({("s2", 2)})


def test_a_study_outside_the_common_space_has_sites_of_its_own() -> None:
    found = _tracks(mask_of(BIG), mask_of(BIG), mask_of(BIG), misplaced=(1,))
    assert found.track_of[("s0", 1)] == found.track_of[("s2", 1)]
    assert found.track_of[("s1", 1)] != found.track_of[("s0", 1)]


def test_a_later_study_renames_no_site() -> None:
    masks = [mask_of(BIG, cube(40, 40, 40)), mask_of(BIG, cube(40, 10, 40))]
    before, after = _tracks(*masks), _tracks(*masks, mask_of(cube(20, 40, 20), BIG))
    assert before.track_of.items() <= after.track_of.items()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("overlap_share = 0.1", "overlap_share = -1", "overlap_share = -1"),
        ("overlap_share = 0.1", "", "overlap_share is missing"),
        ("[0.4, 0.6]", "[0.6, 0.4]", "must lie below"),
        ("placements = 8", "placements = 8.5", "whole number"),
    ],
)
def test_a_faulty_setting_is_named(tmp_path: Path, old: str, new: str, fault: str) -> None:
    file = tmp_path / "lesions.toml"
    file.write_text(LESIONS_FILE.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(FactsError, match=fault.replace("[", r"\[")):
        load_settings(file)
