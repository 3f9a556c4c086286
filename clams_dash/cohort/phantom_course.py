"""What the lesions of one person do from study to study: how many, how large, which enlarge, shrink and enhance."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.phantom_parameters import Lesions

LEAST_VOXELS = 18
MOST_VOXELS = 9000
_LARGE = 700
_AFTER_BIRTH = (1.0, 0.72, 0.65, 0.62, 0.61, 0.60, 0.60)
"""size of a lesion at the studies after its birth: oedema goes within the first year"""


@dataclass(frozen=True, slots=True)
class Load:
    """What the lesions of one person must amount to, study by study (entries of the first study: 0)."""

    first_count: int
    first_volume_ml: float
    years: tuple[float, ...]
    """time of the studies since the first"""
    new: tuple[int, ...]
    enlarging: tuple[int, ...]
    enhancing: tuple[int, ...]
    resolved: tuple[int, ...]
    slow: int
    """lesions that expand by a few per cent a year, below what counts as enlarging"""


@dataclass(slots=True)
class Course:
    """One lesion's voxels (1 mm3) at every study, and the studies at which it enhances."""

    born: int
    sizes: list[int]
    enhancing: set[int] = field(default_factory=set)

    @property
    def large(self) -> bool:
        """Whether it becomes a confluent lesion along the ventricles."""
        return max(self.sizes) > _LARGE


def plan_courses(load: Load, parameters: Lesions, rng: np.random.Generator) -> list[Course]:
    """Courses of all lesions, those of the first study first, largest first."""
    studies = len(load.new)
    courses = [Course(0, [int(size)]) for size in np.sort(first_sizes(load, rng))[::-1]]
    slow = set(range(1, 1 + load.slow))
    for study in range(1, studies):
        span = load.years[study] - load.years[study - 1]
        gone = _choose(courses, load.resolved[study], lambda course: 0 < course.sizes[-1] < 300, rng)
        grown = _choose(courses, load.enlarging[study], lambda course: 24 <= course.sizes[-1] <= 900, rng, gone)
        for rank, course in enumerate(courses):
            before = course.sizes[-1]
            if rank in gone or before == 0:
                size = 0
            elif rank in grown:
                size = int(before * rng.uniform(1.45, 2.0) * 1.10 ** min(span, 3.0))
            elif course.born > 0:
                age = min(study - course.born, len(_AFTER_BIRTH) - 1)
                size = round(before * _AFTER_BIRTH[age] / _AFTER_BIRTH[age - 1])
            elif rank in slow:
                size = round(before * 1.05**span)
            else:
                size = round(before * rng.uniform(0.985, 1.015))
            course.sizes.append(0 if size == 0 else int(np.clip(size, LEAST_VOXELS, MOST_VOXELS)))
        for _ in range(load.new[study]):
            fresh = float(np.clip(np.exp(rng.normal(parameters.new_log_mean, parameters.new_log_sd)), 26, 680))
            courses.append(Course(study, [0] * study + [int(fresh)]))
        _enhance(courses, study, load.enhancing[study], grown)
    _enhance(courses, 0, load.enhancing[0], set())
    return courses


def _choose(
    courses: list[Course], wanted: int, fits: object, rng: np.random.Generator, without: set[int] | None = None
) -> set[int]:
    """Ranks of ``wanted`` courses that fit."""
    able = [rank for rank, course in enumerate(courses) if rank not in (without or set()) and fits(course)]  # type: ignore[operator]
    return set(rng.choice(able, size=min(wanted, len(able)), replace=False).tolist()) if able and wanted else set()


def _enhance(courses: list[Course], study: int, wanted: int, grown: set[int]) -> None:
    """Which lesions enhance: the new ones first, then those that grow, then the small ones."""

    def order(rank: int) -> tuple[bool, bool, bool, int]:
        course = courses[rank]
        return course.born != study, rank not in grown, course.sizes[study] < 30, course.sizes[study]

    present = [rank for rank, course in enumerate(courses) if len(course.sizes) > study and course.sizes[study]]
    for rank in sorted(present, key=order)[:wanted]:
        courses[rank].enhancing.add(study)


def first_sizes(load: Load, rng: np.random.Generator) -> NDArray[np.float64]:
    """Sizes (voxels of 1 mm3) of the lesions of the first study: log-normal, scaled to the volume asked for."""
    if load.first_count == 0:
        return np.empty(0)
    sizes = np.exp(rng.normal(4.4, 1.1, load.first_count))
    target = max(load.first_volume_ml * 1000.0, load.first_count * (LEAST_VOXELS + 8.0))
    for _ in range(8):
        sizes = np.clip(sizes * target / sizes.sum(), LEAST_VOXELS + 2, MOST_VOXELS)
    return np.asarray(sizes)
