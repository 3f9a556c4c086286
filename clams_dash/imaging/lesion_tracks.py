"""One person's lesions over all studies: sites that keep their name from scan to scan, and what a new lesion hides.

A site ("track") is all components that overlap from study to study, so pieces of a split lesion and lesions that merge
share one from the start and the volume of a site never jumps by a name. Studies outside the common space have sites of
their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from clams_dash.imaging.lesion_change import MeasuredMask
from clams_dash.imaging.lesion_matching import match
from clams_dash.imaging.lesion_settings import MatchingSettings

Component = tuple[str, int]
"""study and number of the lesion in it"""


@dataclass(frozen=True, slots=True)
class MaskStudy:
    """A study with its measured mask; ``placed`` False = it does not lie in the person's common space."""

    study_id: str
    day: date
    measured: MeasuredMask
    placed: bool
    registration_error_mm: float

    @property
    def components(self) -> tuple[Component, ...]:
        """Its lesions by name."""
        return tuple((self.study_id, one.number) for one in self.measured.placed.mask.components)


@dataclass(frozen=True, slots=True)
class Tracks:
    """Site of every component, and components without one in the study before whose site held one earlier still."""

    track_of: dict[Component, str]
    seen_before: frozenset[Component]


def pair_error_mm(first: MaskStudy, second: MaskStudy, settings: MatchingSettings) -> float:
    """How far two studies may be misplaced against each other."""
    both = math.hypot(first.registration_error_mm, second.registration_error_mm)
    return max(both, settings.least_registration_mm)


def follow(studies: Sequence[MaskStudy], settings: MatchingSettings) -> Tracks:
    """Sites over ``studies`` in order of date, named L001, L002 ... by first appearance, the largest first."""
    parent: dict[Component, Component] = {one: one for study in studies for one in study.components}

    def root(one: Component) -> Component:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    rank = {one: place for place, one in enumerate(parent)}
    seen: set[Component] = set()
    placed = [study for study in studies if study.placed]
    for at, later in enumerate(placed):
        lonely = set(later.components)
        for back, earlier in enumerate(reversed(placed[:at])):
            if not lonely:
                break
            for group in match(
                earlier.measured.placed, later.measured.placed, pair_error_mm(earlier, later, settings), settings
            ):
                now = {(later.study_id, number) for number in group.later}
                if not group.earlier or not now & lonely:
                    continue
                members = [*((earlier.study_id, number) for number in group.earlier), *now]
                first = min((root(one) for one in members), key=rank.__getitem__)
                for one in members:
                    parent[root(one)] = first
                seen |= now & lonely if back else set()
                lonely -= now
    names: dict[Component, str] = {}
    for one in parent:
        names.setdefault(root(one), f"L{len(names) + 1:03d}")
    return Tracks({one: names[root(one)] for one in parent}, frozenset(seen))
