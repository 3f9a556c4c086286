"""What became of the lesions between two masks: new, enlarging, stable, shrinking, resolved.

One rule for enlarging: the volume grows by at least 9 % a year and by more than its own error; shrinking is the mirror,
so that the same two masks in the other order swap the words. The volumes are those of each mask on its own grid. The
counting floor holds for counts only: small components are matched first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from clams_dash.imaging.lesion_matching import Group, PlacedMask, match, moved
from clams_dash.imaging.lesion_reliability import VolumeError, sum_of_errors
from clams_dash.imaging.lesion_settings import CountSettings, LesionSettings
from clams_dash.imaging.lesions import COUNTING_FLOOR_MM3

Change = Literal["new", "enlarging", "stable", "shrinking", "resolved"]
CHANGES: tuple[Change, ...] = ("new", "enlarging", "stable", "shrinking", "resolved")
DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class MeasuredMask:
    """A mask in the common space with the error of each component's volume, in their order."""

    placed: PlacedMask
    errors: tuple[VolumeError, ...]

    def volume(self, numbers: Sequence[int]) -> tuple[float, float]:
        """Volume of some components together and its error (95 %), mm3."""
        components = self.placed.mask.components
        volume = sum(components[number - 1].volume_mm3 for number in numbers)
        return volume, sum_of_errors(tuple(self.errors[number - 1] for number in numbers))


@dataclass(frozen=True, slots=True)
class LesionChange:
    """One lesion over a pair of scans (mm3). ``error_mm3``: of the difference, 95 %.

    ``percent_per_year`` is None for new and resolved lesions and for pairs too near each other. ``undecided``: it grew
    or shrank as fast as the rule asks, but by less than its error, and so counts as stable.
    """

    group: Group
    change: Change
    before_mm3: float
    after_mm3: float
    error_mm3: float
    percent_per_year: float | None
    undecided: bool

    @property
    def counted(self) -> bool:
        """Whether the lesion reaches the counting floor on either scan."""
        return max(self.before_mm3, self.after_mm3) >= COUNTING_FLOOR_MM3


@dataclass(frozen=True, slots=True)
class Count:
    """A number with the least and the most it may be, and its grade: high, moderate or low."""

    value: int
    low: int
    high: int
    grade: str

    @classmethod
    def graded(cls, value: int, low: int, high: int, settings: CountSettings) -> Count:
        """A count graded by the width of its range."""
        spread = high - low
        if spread <= settings.high_spread:
            return cls(value, low, high, "high")
        return cls(value, low, high, "moderate" if spread <= settings.moderate_spread else "low")


@dataclass(frozen=True, slots=True)
class PairChange:
    """All lesions of a pair of scans."""

    lesions: tuple[LesionChange, ...]
    new: Count
    enlarging: Count

    def count(self, change: Change) -> int:
        """Lesions of one kind that reach the counting floor."""
        return sum(one.change == change and one.counted for one in self.lesions)

    @property
    def undecided(self) -> int:
        """Lesions whose growth or shrinkage would count but lies within their error."""
        return sum(one.undecided and one.counted for one in self.lesions)


def compare(
    earlier: MeasuredMask, later: MeasuredMask, days: int, registration_error_mm: float, settings: LesionSettings
) -> PairChange:
    """What became of the lesions over ``days``; ``registration_error_mm`` is that of the pair."""
    lesions = _lesions(earlier, later, days, registration_error_mm, settings)
    step = min(registration_error_mm, settings.matching.most_registration_mm)
    repeated = [lesions]
    for axis in range(3):
        for sign in (-step, step) if step else ():
            shift = [0.0, 0.0, 0.0]
            shift[axis] = sign
            again = MeasuredMask(moved(later.placed, shift), later.errors)
            repeated.append(_lesions(earlier, again, days, registration_error_mm, settings))
    return PairChange(
        lesions,
        _count("new", repeated, settings.counts, by_error=True),
        _count("enlarging", repeated, settings.counts, by_error=False),
    )


def _lesions(
    earlier: MeasuredMask, later: MeasuredMask, days: int, registration_error_mm: float, settings: LesionSettings
) -> tuple[LesionChange, ...]:
    groups = match(earlier.placed, later.placed, registration_error_mm, settings.matching)
    return tuple(_judged(group, earlier, later, days, settings) for group in groups)


def _judged(
    group: Group, earlier: MeasuredMask, later: MeasuredMask, days: int, settings: LesionSettings
) -> LesionChange:
    before, before_error = earlier.volume(group.earlier)
    after, after_error = later.volume(group.later)
    error = float(np.hypot(before_error, after_error))
    if not group.earlier or not group.later:
        return LesionChange(group, "resolved" if group.earlier else "new", before, after, error, None, False)
    if days < settings.change.least_interval_days:
        return LesionChange(group, "stable", before, after, error, None, False)
    yearly = (after / before) ** (DAYS_PER_YEAR / days)
    limit = settings.change.yearly_factor
    fast: Change = "enlarging" if yearly >= limit else "shrinking" if yearly <= 1.0 / limit else "stable"
    sure = abs(after - before) > error
    percent = 100.0 * (yearly - 1.0)
    return LesionChange(group, fast if sure else "stable", before, after, error, percent, fast != "stable" and not sure)


def _count(
    change: Change, repeated: Sequence[tuple[LesionChange, ...]], settings: CountSettings, *, by_error: bool
) -> Count:
    """The first count with the range of all, new lesions also with their volumes off by their errors at the floor."""

    def number(lesions: tuple[LesionChange, ...], sign: int) -> int:
        chosen = [one for one in lesions if one.change == change]
        if not by_error:
            return sum(one.counted for one in chosen)
        return sum(one.after_mm3 + sign * one.error_mm3 >= COUNTING_FLOOR_MM3 for one in chosen)

    value = number(repeated[0], 0)
    low = min([value, *(number(lesions, -1) for lesions in repeated)])
    high = max([value, *(number(lesions, 1) for lesions in repeated)])
    return Count.graded(value, low, high, settings)
