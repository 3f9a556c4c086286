"""New T2 lesions after a decision, from scans that compare each with the one before.

Scans rarely fall on the first day of a window. Lesions of an interval between two scans count for a window by the
share of the interval that lies in it, as if they had come evenly; the window must be covered to ``mri_coverage_share``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clams_dash.response.censoring import Outcome, Seen, weighted
from clams_dash.response.history import Look
from clams_dash.response.settings import Design
from clams_dash.response.timelines import NO_DAY, Bools, Floats, Ints, day_numbers, numbers, table

_SPAN = 1 << 21
_ZERO = 1 << 20


@dataclass(frozen=True, slots=True)
class Intervals:
    """Scans in order of person and day (m,): ``count`` of new lesions since the scan before, NaN = not counted."""

    key: Ints
    count: Floats
    running_count: Floats
    running_days: Floats
    last_day: Ints
    """(people,)"""

    @classmethod
    def of(cls, look: Look) -> Intervals:
        """Of the brain scans of the persons looked at."""
        frame = table(look.frames, "mri")
        if "region" in frame.columns:
            frame = frame[~frame["region"].isin(["cord", "optic"])]
        person, day = look.people_of(frame), day_numbers(frame["date"])
        new = numbers(frame, "new_t2")
        rows = pd.DataFrame({"person": person, "day": day, "new": new})
        rows = rows[(rows["person"] >= 0) & (rows["day"] != NO_DAY)]
        # Two studies of one day are one look at the brain.
        rows = rows.groupby(["person", "day"], sort=True)["new"].max().reset_index()
        person, day = rows["person"].to_numpy(np.int64), rows["day"].to_numpy(np.int64)
        first = np.concatenate([[True], np.diff(person) != 0])[: len(person)]
        count = np.where(first, np.nan, rows["new"].to_numpy(np.float64))
        length = np.concatenate([[0], np.diff(day)])[: len(day)].astype(np.float64)
        last = np.full(len(look.ids), -_ZERO, dtype=np.int64)
        np.maximum.at(last, person, day)
        known = ~np.isnan(count)
        return cls(
            person * _SPAN + day + _ZERO,
            count,
            np.cumsum(np.where(known, count, 0.0)),
            np.cumsum(np.where(known, length, 0.0)),
            last,
        )

    def before(self, person: Ints, day: Ints) -> tuple[Ints, Floats]:
        """Last scan on or before a day (-1 = none), and how far the day is on the way to the person's next scan."""
        if not len(self.key):
            return np.full(len(person), -1, dtype=np.int64), np.zeros(len(person))
        place = np.searchsorted(self.key, person * _SPAN + day + _ZERO, side="right") - 1
        after = np.minimum(place + 1, len(self.key) - 1)
        mine = (place >= 0) & (self.key[np.maximum(place, 0)] // _SPAN == person)
        next_is_mine = (place + 1 < len(self.key)) & (self.key[after] // _SPAN == person)
        begin = np.where(mine, self.key[np.maximum(place, 0)] % _SPAN - _ZERO, day)
        length = np.where(mine & next_is_mine, self.key[after] % _SPAN - _ZERO - begin, 1)
        share = np.where(mine & next_is_mine, (day - begin) / np.maximum(length, 1), 0.0)
        return np.where(mine, place, -1), share

    def accrued(self, person: Ints, day: Ints, running: Floats) -> Floats:
        """A running sum of the person at a day, evenly between scans; counted from that of the persons before."""
        place, share = self.before(person, day)
        first = np.searchsorted(self.key, person * _SPAN, side="left")
        start = np.where(first > 0, running[np.maximum(first - 1, 0)], 0.0) if len(running) else np.zeros(len(person))
        if not len(running):
            return start
        at = np.where(place >= 0, running[np.maximum(place, 0)], start)
        ahead = running[np.minimum(np.maximum(place, 0) + 1, len(running) - 1)] - at
        return np.where(place >= 0, at + np.where(share > 0, share * ahead, 0.0), start)

    def covered(self, person: Ints, since: Ints, until: Ints) -> Floats:
        """Share of the days of a window that lie between two scans of which the later counted new lesions."""
        days = self.accrued(person, until, self.running_days) - self.accrued(person, since, self.running_days)
        return np.asarray(days / np.maximum(until - since, 1))

    def expected(self, person: Ints, since: Ints, until: Ints) -> Floats:
        """New lesions of a window."""
        return self.accrued(person, until, self.running_count) - self.accrued(person, since, self.running_count)

    def none_probability(self, person: Ints, since: Ints, until: Ints) -> Floats:
        """Probability that no new lesion came within a window: 0 or 1 unless a scan's interval reaches beyond it."""
        (first, into), (last, reached) = self.before(person, since), self.before(person, until)
        if not len(self.key):
            return np.ones(len(person))
        same = first == last
        counts = np.nan_to_num(self.count, nan=0.0)
        top = len(counts) - 1
        at_start, at_end = counts[np.minimum(first + 1, top)], counts[np.minimum(last + 1, top)]
        inside = np.where(
            same, 0.0, self.running_count[np.maximum(last, 0)] - self.running_count[np.minimum(first + 1, top)]
        )
        opening = np.where(same | (first < 0), 1.0, into ** np.where(at_start > 0, at_start, 0.0))
        closing = (1.0 - reached) ** np.where(reached > 0, at_end, 0.0)
        within = (1.0 - (reached - into)) ** np.where(reached > into, at_end, 0.0)
        return np.where(same, within, (inside <= 0) * opening * closing)


def new_t2(look: Look, features: pd.DataFrame, design: Design) -> Outcome:
    """New T2 lesions in the year after each decision, carried from the days covered to the whole year."""
    lines = Intervals.of(look)
    until = look.days + design.lesion_days
    covered = lines.covered(look.people, look.days, until)
    value = lines.expected(look.people, look.days, until) / np.maximum(covered, 1e-6)
    seen = Seen(
        until=lines.last_day[look.people] + design.mri_grace_days,
        value=value,
        unsure=covered < design.mri_coverage_share,
        eligible=np.ones(len(look.days), dtype=bool),
    )
    return weighted("new_t2", features, look.days, seen, design.lesion_days, design)


def neda(look: Look, features: pd.DataFrame, parts: dict[str, Outcome], design: Design) -> Outcome:
    """No relapse, no confirmed worsening, and no new T2 lesion from the new baseline to the horizon.

    Known only where all three parts are, whatever they say: a relapse alone must not make a decision count.
    """
    lines = Intervals.of(look)
    since, until = look.days + design.rebaseline_days, look.days + design.horizon_days
    covered = lines.covered(look.people, since, until)
    quiet = np.ones(len(look.days))
    told: Bools = np.ones(len(look.days), dtype=bool)
    for part in parts.values():
        quiet *= 1.0 - part.value
        told &= part.known
    seen = Seen(
        until=np.where(told, lines.last_day[look.people] + design.mri_grace_days, -_ZERO),
        value=quiet * lines.none_probability(look.people, since, until),
        unsure=covered < design.mri_coverage_share,
        eligible=np.ones(len(look.days), dtype=bool),
    )
    return weighted("neda", features, look.days, seen, design.horizon_days, design)
