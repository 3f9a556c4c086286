"""Rules behind the phantoms: thick slices keep lesions whole, courses follow the tables, reports say what they mean."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from scipy import ndimage

from clams_dash.cohort.phantom_course import Load, plan_courses
from clams_dash.cohort.phantom_grid import StudyGrid
from clams_dash.cohort.phantom_parameters import Reports, load_phantom_parameters
from clams_dash.cohort.phantom_recount import count_enlarging, count_new, on_grid
from clams_dash.cohort.phantom_reports import Reading, write_report

SHAPE = (24, 24, 24)
THIN, THICK = (StudyGrid(SHAPE, np.diag([1.0, 1.0, 1.0, 1.0]), thickness) for thickness in (1, 3))


def ball(centre: tuple[int, int, int], voxels: int) -> np.ndarray:
    """Flat voxels of the fine grid, the nearest first."""
    away = sum((axis - c) ** 2 for axis, c in zip(np.indices(SHAPE), centre, strict=True))
    return np.argsort(np.asarray(away).ravel(), kind="stable")[:voxels]


def mask(grid: StudyGrid, *lesions: np.ndarray) -> np.ndarray:
    labels = np.zeros(grid.shape, dtype=np.uint8)
    for number, lesion in enumerate(lesions, start=1):
        labels.ravel()[grid.lesion_voxels(lesion, len(lesion))] = number
    return labels


def test_a_thick_slice_lies_in_the_middle_of_its_thin_ones() -> None:
    fine = np.zeros(SHAPE, dtype=np.float32)
    fine[5, 6, 9:12] = 3.0
    seen = THICK.mean(fine)
    assert np.argwhere(seen > 2.9).tolist() == [[5, 6, 3]]
    assert (THICK.affine @ [5, 6, 3, 1])[:3].tolist() == [5.0, 6.0, 10.0]


@pytest.mark.parametrize("voxels", [18, 26, 90, 700])
def test_a_lesion_keeps_its_volume_and_stays_in_one_piece_on_thick_slices(voxels: int) -> None:
    seen = mask(THICK, ball((12, 12, 13), voxels))
    assert ndimage.label(seen)[1] == 1
    assert seen.sum() * THICK.voxel_mm3 == pytest.approx(voxels, abs=3.0)
    assert seen.sum() * THICK.voxel_mm3 >= 14.0


def test_a_lesion_is_not_new_because_the_scanner_changed() -> None:
    old, fresh = ball((6, 6, 4), 30), ball((17, 17, 16), 30)
    for before, after in ((THIN, THICK), (THICK, THIN), (THIN, THIN), (THICK, THICK)):
        earlier = on_grid(mask(before, old), before, after)
        assert count_new(mask(after, old), earlier, after) == 0
        assert count_new(mask(after, old, fresh), earlier, after) == 1
        assert count_new(mask(after, old), np.zeros_like(earlier), after) == 1


def test_enlarging_needs_nine_per_cent_a_year_and_three_voxels() -> None:
    before = mask(THIN, ball((12, 12, 13), 100))

    def enlarging(voxels: int, years: float) -> int:
        return count_enlarging(mask(THIN, ball((12, 12, 13), voxels)), THIN, before, THIN, years)

    assert [enlarging(108, 1.0), enlarging(110, 1.0)] == [0, 1]
    assert [enlarging(117, 2.0), enlarging(120, 2.0)] == [0, 1]
    assert enlarging(102, 0.1) == 0


def test_courses_have_the_lesions_that_the_tables_ask_for() -> None:
    load = Load(20, 5.0, (0.0, 1.0, 2.1), (0, 4, 1), (0, 2, 0), (3, 2, 1), (0, 0, 1), slow=2)
    courses = plan_courses(load, load_phantom_parameters().lesions, np.random.default_rng(1))
    assert [sum(course.born == study for course in courses) for study in range(3)] == [20, 4, 1]
    assert [sum(study in course.enhancing for course in courses) for study in range(3)] == [3, 2, 1]
    assert all(course.born == 1 for course in courses if 1 in course.enhancing)
    assert sum(course.sizes[0] for course in courses) == pytest.approx(5000, rel=0.02)
    assert sum(course.sizes[1] > 0 and course.sizes[2] == 0 for course in courses) == 1
    grown = [course for course in courses if course.sizes[0] and course.sizes[1] >= 1.4 * course.sizes[0]]
    assert len(grown) == 2


def reading(new_t2: int | None) -> Reading:
    return Reading(new_t2, 0, 1, 12, True, None if new_t2 is None else date(2024, 3, 5), True)


def test_a_report_without_conflict_gives_the_number_of_the_mask() -> None:
    agree = Reports(conflict_share=0.0, german_share=0.0)
    rng = np.random.default_rng(1)
    english = write_report(reading(2), False, agree, rng)
    german = write_report(reading(2), True, agree, rng)
    assert english.conflict is None
    assert "2 new T2 lesions compared with 05 March 2024" in english.text
    assert "2 neue T2-Läsionen im Vergleich zum 05.03.2024" in german.text
    assert "No prior study" in write_report(reading(None), False, agree, rng).text


def test_a_report_in_conflict_says_another_number_and_admits_it_beside_the_images() -> None:
    always = Reports(conflict_share=1.0, german_share=0.0)
    rng = np.random.default_rng(2)
    for new in (0, 1, 2, 5, 9):
        report = write_report(reading(new), False, always, rng)
        assert report.conflict == ("overcalled" if new == 0 else "fewer" if report.new_t2 else "missed")
        assert report.new_t2 != new
    assert write_report(reading(None), False, always, rng).conflict is None
