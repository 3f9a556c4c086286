"""Dated records of many people, searched by (person, day) without loops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from clams_dash.errors import ModelError

Frames = Mapping[str, pd.DataFrame]
"""The pool's tables by name (patient, visit, relapse, treatment, clinical_fact, lab, mri), with its column names."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NO_DAY = np.iinfo(np.int64).min
_SPAN = 1 << 21
_ZERO = 1 << 20


def day_numbers(dates: pd.Series) -> Ints:
    """Days since 1970-01-01 of a date column; ``NO_DAY`` where missing."""
    days = pd.to_datetime(dates).to_numpy().astype("datetime64[D]")
    numbers: Ints = days.astype(np.int64)
    numbers[np.isnat(days)] = NO_DAY
    return numbers


def table(frames: Frames, name: str, required: tuple[str, ...] = ("patient_id", "date")) -> pd.DataFrame:
    """A table of the frames, empty when absent. Raises ModelError when a required column is missing."""
    frame = frames.get(name)
    if frame is None:
        return pd.DataFrame({column: pd.Series(dtype="object") for column in required})
    missing = [column for column in required if column not in frame.columns]
    if missing:
        raise ModelError(f"table {name} lacks column {', '.join(missing)}; give the pool's columns")
    return frame


def numbers(frame: pd.DataFrame, column: str) -> Floats:
    """A column as floats, NaN where missing, not a number, or not in the table at all."""
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    values: Floats = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return values


@dataclass(frozen=True, slots=True)
class Timeline:
    """Values in order of person and day. Ties on one day are ordered by value, so that row order never matters.

    ``keys`` joins person and day; ``values`` runs parallel; ``running`` is the running sum of the values.
    """

    keys: Ints
    values: Floats
    running: Floats

    @classmethod
    def of(cls, people: Ints, days: Ints, values: Floats) -> Timeline:
        """Of the records with a known person (code not negative), day and value."""
        known = (people >= 0) & (days != NO_DAY) & ~np.isnan(values)
        keys, kept = _keys(people[known], days[known]), values[known]
        order = np.lexsort((kept, keys))
        ordered = kept[order]
        return cls(keys[order], ordered, np.concatenate([[0.0], np.cumsum(ordered)]))

    def last(self, people: Ints, before: Ints) -> tuple[Floats, Ints]:
        """Value and day of each person's last record strictly before a day; NaN and ``NO_DAY`` without one."""
        position = np.searchsorted(self.keys, _keys(people, before), side="left") - 1
        if not len(self.keys):
            return np.full(len(people), np.nan), np.full(len(people), NO_DAY)
        at = np.maximum(position, 0)
        found = (position >= 0) & (self.keys[at] // _SPAN == people)
        values = np.where(found, self.values[at], np.nan)
        days = np.where(found, self.keys[at] % _SPAN - _ZERO, NO_DAY)
        return values, days

    def position(self, people: Ints, before: Ints) -> tuple[Ints, Bools]:
        """Place of the last record strictly before a day, of any person, and whether it is the person's own."""
        place = np.searchsorted(self.keys, _keys(people, before), side="left").astype(np.int64) - 1
        own = (place >= 0) & (self.keys[np.maximum(place, 0)] // _SPAN == people) if len(self.keys) else place >= 0
        return place, np.asarray(own)

    def people_and_days(self) -> tuple[Ints, Ints]:
        """Person and day of every record, in order."""
        return self.keys // _SPAN, self.keys % _SPAN - _ZERO

    def count(self, people: Ints, since: Ints, before: Ints) -> Ints:
        """Records with ``since`` <= day < ``before``."""
        low, high = self._range(people, since, before)
        return high - low

    def total(self, people: Ints, since: Ints, before: Ints) -> Floats:
        """Sum of the values with ``since`` <= day < ``before``; NaN without any."""
        low, high = self._range(people, since, before)
        return np.where(high > low, self.running[high] - self.running[low], np.nan)

    def _range(self, people: Ints, since: Ints, before: Ints) -> tuple[Ints, Ints]:
        low = np.searchsorted(self.keys, _keys(people, since), side="left")
        high = np.searchsorted(self.keys, _keys(people, before), side="left")
        return low.astype(np.int64), high.astype(np.int64)


def _keys(people: Ints, days: Ints) -> Ints:
    return people * _SPAN + np.clip(days, -_ZERO, _ZERO - 1) + _ZERO
