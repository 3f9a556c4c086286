"""What was known of people on the day of a decision: their dated records, and their courses of therapy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from clams_dash.errors import ModelError
from clams_dash.model.catalogues import dmts
from clams_dash.response.timelines import NO_DAY, Bools, Floats, Frames, Ints, Timeline, day_numbers, numbers, table

TIER_RANKS: dict[str, float] = {"none": 0.0, "platform": 1.0, "moderate": 2.0, "moderate_high": 3.0, "high": 4.0}
WASHOUT_DAYS = 90
"""a therapy stopped this recently still counts as the one a decision is made from, as in the features of a switch"""
LONG_AGO = -(1 << 19)
"""A day number before any record."""


@dataclass
class Look:
    """The decisions looked at, and the timelines made for them so far.

    ``people`` and ``days`` (n) are codes of the persons in ``ids`` and day numbers of the decisions.
    """

    frames: Frames
    ids: pd.Index
    people: Ints
    days: Ints
    made: dict[str, Timeline] = field(default_factory=dict)
    given: Courses | None = None
    observed: Bools | None = None

    @classmethod
    def at(cls, frames: Frames, index: pd.DataFrame) -> Look:
        """Of an index table with ``patient_id`` and ``index_date``."""
        codes, ids = pd.factorize(index["patient_id"].astype(object))
        days = day_numbers(index["index_date"])
        if (days == NO_DAY).any() or (codes < 0).any():
            raise ModelError("an index row has no patient_id or no index_date; give both for every decision")
        return cls(frames, pd.Index(ids), codes.astype(np.int64), days)

    def people_of(self, frame: pd.DataFrame) -> Ints:
        """Codes of a table's persons, -1 for others."""
        return self.ids.get_indexer(pd.Index(frame["patient_id"].astype(object))).astype(np.int64)

    def timeline(self, reference: str) -> Timeline:
        """Timeline of ``table``, ``table.column`` or ``table.column:kind``."""
        if reference not in self.made:
            self.made[reference] = self._make(reference)
        return self.made[reference]

    def _make(self, reference: str) -> Timeline:
        source, _, kind = reference.partition(":")
        name, _, column = source.partition(".")
        frame = table(self.frames, name)
        if kind:
            key = "analyte" if name == "lab" else "kind"
            frame = frame[frame[key] == kind] if key in frame.columns else frame.iloc[:0]
        if name == "mri" and "region" in frame.columns:
            frame = frame[~frame["region"].isin(["cord", "optic"])]
        values = numbers(frame, column) if column else np.ones(len(frame))
        return Timeline.of(self.people_of(frame), day_numbers(frame["date"]), values)

    def patient_column(self, column: str) -> pd.Series:
        """A column of the patient table, one row per decision."""
        frame = table(self.frames, "patient", ("patient_id",))
        if column not in frame.columns:
            return pd.Series([None] * len(self.people), dtype=object)
        by_id = frame.drop_duplicates("patient_id").set_index("patient_id")[column]
        return by_id.reindex(self.ids).iloc[self.people].reset_index(drop=True)

    def known(self) -> Bools:
        """Whether the person was under observation before the decision: a visit or an MRI lies before it.

        Relapses and courses recorded from memory at the first visit do not count: nobody observed what followed them.
        """
        if self.observed is None:
            never = np.full(len(self.days), LONG_AGO)
            seen = sum(self.timeline(name).count(self.people, never, self.days) for name in ("visit", "mri"))
            self.observed = np.asarray(seen > 0)
        return self.observed


@dataclass(frozen=True, slots=True)
class Courses:
    """Courses of DMT (untreated periods left out) in order of person and start.

    ``starts`` holds each course's position in ``dmt``, ``stops`` and ``tiers``; ``firsts`` each DMT's first start.
    """

    starts: Timeline
    firsts: Timeline
    dmt: np.ndarray[tuple[int], np.dtype[np.object_]]
    stops: Ints
    tiers: Floats


def courses(look: Look) -> Courses:
    """The courses of the persons looked at."""
    if look.given is None:
        look.given = _courses(look)
    return look.given


def _courses(look: Look) -> Courses:
    frame = table(look.frames, "treatment", ("patient_id", "dmt", "start_date"))
    frame = frame[(frame["dmt"] != "none") & frame["dmt"].notna()].sort_values(["patient_id", "start_date", "dmt"])
    people, starts = look.people_of(frame), day_numbers(frame["start_date"])
    stops = day_numbers(frame["stop_date"]) if "stop_date" in frame.columns else np.full(len(frame), NO_DAY)
    names = frame["dmt"].astype(object).to_numpy()
    catalogue = dmts()
    ranks = [TIER_RANKS.get(catalogue[name].tier, np.nan) if name in catalogue else np.nan for name in names]
    first = ~frame.duplicated(["patient_id", "dmt"]).to_numpy(dtype=bool)
    return Courses(
        starts=Timeline.of(people, starts, np.arange(len(frame), dtype=np.float64)),
        firsts=Timeline.of(people[first], starts[first], np.ones(int(first.sum()))),
        dmt=names,
        stops=stops,
        tiers=np.asarray(ranks, dtype=np.float64),
    )


@dataclass(frozen=True, slots=True)
class PresentTherapy:
    """The DMT under way the day before each decision (``none`` when untreated), and the last one's dates and tier rank.

    ``started`` and, if known to have stopped, ``stopped`` are day numbers, ``NO_DAY`` = none.
    """

    dmt: np.ndarray[tuple[int], np.dtype[np.object_]]
    on_dmt: Bools
    started: Ints
    stopped: Ints
    last_tier: Floats


def present_therapy(look: Look, washout_days: int = 0) -> PresentTherapy:
    """The course started last before each decision; it goes on unless a stop lies before the decision.

    With ``washout_days`` a course stopped that recently still counts as under way: a switch is decided before the old
    drug is stopped, so the features of a switch must look as they did at that decision.
    """
    given = courses(look)
    position, started = given.starts.last(look.people, look.days)
    has = ~np.isnan(position)
    at = np.where(has, position, 0).astype(np.int64)
    stops = given.stops[at] if len(given.stops) else np.full(len(at), NO_DAY)
    stopped = np.where(has & (stops != NO_DAY) & (stops < look.days - washout_days), stops, NO_DAY)
    on_dmt = has & (stopped == NO_DAY)
    names = np.full(len(at), "none", dtype=object)
    names[on_dmt] = given.dmt[at[on_dmt]]
    tiers = np.where(has, given.tiers[at] if len(given.tiers) else np.nan, 0.0)
    return PresentTherapy(names, on_dmt, started, stopped, tiers)
