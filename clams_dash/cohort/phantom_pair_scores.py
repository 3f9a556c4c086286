"""How well lesion change is found on pairs of phantom masks with known change: hits, misses and false ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.phantom_grid import LabelVolume, StudyGrid
from clams_dash.cohort.phantom_pairs import PhantomPerson, draw_person, grids, motion_of, read_mask
from clams_dash.imaging.lesion_change import DAYS_PER_YEAR, MeasuredMask, PairChange, compare
from clams_dash.imaging.lesion_matching import PlacedMask
from clams_dash.imaging.lesion_reliability import volume_errors
from clams_dash.imaging.lesion_settings import LesionSettings, lesion_settings
from clams_dash.imaging.lesions import LabelledMask, labelled
from clams_dash.imaging.nifti import Volume

MISREGISTRATION_MM = 0.5
HEAD_MOTION_MM = 3.0
LARGE_MM3 = 50.0
_LEAST_GAIN_VOXELS = 3
_PAIRS = ((0, 1), (1, 2), (0, 2))
_SAME = ((0, 0), (1, 1), (2, 2))
_YEAR = 365


@dataclass
class Hits:
    """Lesions of one kind found and true, found only, true only."""

    both: int = 0
    found_only: int = 0
    true_only: int = 0

    def add(self, found: set[int], true: set[int]) -> None:
        """Count one pair."""
        self.both += len(found & true)
        self.found_only += len(found - true)
        self.true_only += len(true - found)

    @property
    def f1(self) -> float:
        """F1; 1 when there was nothing to find and nothing was found."""
        total = 2 * self.both + self.found_only + self.true_only
        return 2 * self.both / total if total else 1.0


@dataclass
class Scores:
    """Of one kind of pair. ``volume_errors``: relative errors of lesions of at least 50 mm3; ``within``: shares."""

    new: Hits = field(default_factory=Hits)
    enlarging: Hits = field(default_factory=Hits)
    resolved: Hits = field(default_factory=Hits)
    volume_errors: list[float] = field(default_factory=list)
    false_new: list[int] = field(default_factory=list)
    false_enlarging: list[int] = field(default_factory=list)
    within_error: list[bool] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Figures."""
        return {
            "new_f1": round(self.new.f1, 3),
            "new_true": self.new.both + self.new.true_only,
            "enlarging_f1": round(self.enlarging.f1, 3),
            "enlarging_true": self.enlarging.both + self.enlarging.true_only,
            "resolved_f1": round(self.resolved.f1, 3),
            "median_volume_error_percent": round(100 * float(np.median(self.volume_errors)), 2),
            "unchanged_pairs": len(self.false_new),
            "false_new_per_unchanged_pair": round(float(np.mean(self.false_new)), 3),
            "false_enlarging_per_unchanged_pair": round(float(np.mean(self.false_enlarging)), 3),
            "unchanged_within_stated_error": round(float(np.mean(self.within_error)), 3),
        }


def pair_scores(people: int, edge_noise: float = 0.0, seed: int = 0) -> dict[str, Scores]:
    """Scores by kind of pair over drawn persons, three pairs with change and three without each."""
    found: dict[str, Scores] = {}
    for number in range(people):
        person = draw_person(seed + number)
        rng = np.random.default_rng([seed + number, 9])
        for kind, first, second in grids(person):
            _score_person(person, first, second, found.setdefault(kind, Scores()), rng, edge_noise)
    return found


def _score_person(
    person: PhantomPerson,
    first: StudyGrid,
    second: StudyGrid,
    scores: Scores,
    rng: np.random.Generator,
    edge_noise: float,
) -> None:
    settings = lesion_settings()
    for before, after in (*_PAIRS, *_SAME):
        motions = [motion_of(person, HEAD_MOTION_MM, rng) for _ in range(2)]
        wrong = motion_of(person, MISREGISTRATION_MM, rng)
        earlier = read_mask(person, before, first, motions[0], rng, edge_noise)
        later = read_mask(person, after, second, motions[1], rng, edge_noise)
        measured = (
            _measured(earlier, first, motions[0], settings),
            _measured(later, second, motions[1] @ wrong, settings),
        )
        days = round(DAYS_PER_YEAR * (person.years[after] - person.years[before])) or _YEAR
        change = compare(*measured, days, MISREGISTRATION_MM, settings)
        names = [
            _names(one.placed.mask, mask, grid)
            for one, mask, grid in zip(measured, (earlier, later), (first, second), strict=True)
        ]
        if before == after:
            _score_unchanged(change, scores)
        else:
            _score_changed(person, (before, after), days, change, names, scores)
        _score_volumes(person, after, measured[1].placed.mask, names[1], scores)


def _measured(mask: LabelVolume, grid: StudyGrid, place: NDArray[np.float64], settings: LesionSettings) -> MeasuredMask:
    parts = labelled(Volume(mask, grid.affine))
    errors = volume_errors(parts, settings.matching.least_registration_mm, settings.reliability)
    return MeasuredMask(PlacedMask(parts, place), errors)


def _names(parts: LabelledMask, mask: LabelVolume, grid: StudyGrid) -> dict[int, set[int]]:
    """True lesions in each component."""
    corner = np.rint(np.linalg.inv(grid.affine) @ parts.affine[:, 3]).astype(int)[:3]
    box = mask[tuple(slice(at, at + size) for at, size in zip(corner, parts.labels.shape, strict=True))]
    return {one.number: {int(name) for name in np.unique(box[parts.labels == one.number])} for one in parts.components}


def _score_unchanged(change: PairChange, scores: Scores) -> None:
    scores.false_new.append(change.count("new"))
    scores.false_enlarging.append(change.count("enlarging"))
    scores.within_error.extend(
        abs(one.after_mm3 - one.before_mm3) <= one.error_mm3
        for one in change.lesions
        if one.group.earlier and one.group.later and one.counted
    )


def _score_changed(
    person: PhantomPerson,
    studies: tuple[int, int],
    days: int,
    change: PairChange,
    names: list[dict[int, set[int]]],
    scores: Scores,
) -> None:
    true = _truth(person, studies, days / DAYS_PER_YEAR)
    found: dict[int, str] = {}
    for one in change.lesions:
        if one.counted:
            own = [names[0][number] for number in one.group.earlier] + [names[1][number] for number in one.group.later]
            found |= dict.fromkeys(set[int]().union(*own), one.change)
    for kind, hits in (("new", scores.new), ("enlarging", scores.enlarging), ("resolved", scores.resolved)):
        hits.add(_of(found, kind), _of(true, kind))


def _of(changes: Mapping[int, str], kind: str) -> set[int]:
    return {name for name, change in changes.items() if change == kind}


def _truth(person: PhantomPerson, studies: tuple[int, int], years: float) -> dict[int, str]:
    """What became of each lesion as drawn; enlarging by the same rule on the true volumes."""
    true = {}
    for lesion in person.lesions:
        before, after = (lesion.sizes[study] for study in studies)
        if not before or not after:
            true[lesion.number] = "new" if after else "resolved" if before else "absent"
            continue
        grown = (after / before) ** (1.0 / years) >= lesion_settings().change.yearly_factor
        true[lesion.number] = "enlarging" if grown and after - before >= _LEAST_GAIN_VOXELS else "other"
    return true


def _score_volumes(
    person: PhantomPerson, study: int, parts: LabelledMask, names: Mapping[int, set[int]], scores: Scores
) -> None:
    true = {lesion.number: lesion.sizes[study] for lesion in person.lesions}
    scores.volume_errors.extend(_volume_errors(parts, names, true))


def _volume_errors(parts: LabelledMask, names: Mapping[int, set[int]], true: Mapping[int, int]) -> Iterator[float]:
    for one in parts.components:
        own = names[one.number]
        if len(own) == 1 and (volume := true[next(iter(own))]) >= LARGE_MM3:
            yield abs(one.volume_mm3 - volume) / volume
