"""What the record of each decision tells about the hidden state: dated findings as arrays, months counted from onset.

Everything is dated before the index date, as a doctor could have written it down. Course and MRI lesion counts are
taken as recorded, therapies and how a running one acts as they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clams_dash.cohort.disease_state import EDSS_OF_STEP
from clams_dash.cohort.histories import RECALL_DAYS
from clams_dash.cohort.simulate import Simulated
from clams_dash.cohort.truth.decisions import Decisions

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

RECOVERIES = ("unknown", "complete", "partial", "none")
_SEVERITIES = ("mild", "moderate", "severe")
_RECOVERY_KNOWN_DAYS = 90


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings of one kind: decision (row), month since onset, day, and values (column x finding)."""

    row: IntArray
    month: IntArray
    day: IntArray
    values: FloatArray

    def of(self, rows: IntArray) -> Findings:
        """Findings of the given decisions (ascending rows), which are numbered anew."""
        place = np.searchsorted(rows, self.row)
        own = (place < len(rows)) & (rows[np.minimum(place, len(rows) - 1)] == self.row)
        return Findings(place[own], self.month[own], self.day[own], self.values[:, own])

    def by_month(self) -> dict[int, list[Findings]]:
        """Findings by month; two of one decision in a month come in separate blocks, in order of the day."""
        order = np.lexsort((self.day, self.row, self.month))
        sorted_ = Findings(self.row[order], self.month[order], self.day[order], self.values[:, order])
        blocks: dict[int, list[Findings]] = {}
        edges = np.flatnonzero(np.diff(sorted_.month, prepend=-1)).tolist()
        for first, end in pairwise([*edges, len(order)]):
            rows = sorted_.row[first:end]
            turn = np.arange(end - first) - np.searchsorted(rows, rows)
            blocks[int(sorted_.month[first])] = [
                sorted_._part(first + np.flatnonzero(turn == number)) for number in range(int(turn.max()) + 1)
            ]
        return blocks

    def _part(self, places: IntArray) -> Findings:
        return Findings(self.row[places], self.month[places], self.day[places], self.values[:, places])


@dataclass(frozen=True, slots=True)
class Record:
    """The records of all decisions. ``months`` is the number of months from onset to decision, both included."""

    months: IntArray
    seen_from: IntArray
    """month since onset from which every relapse is on record"""
    relapses: Findings
    """severity (0 to 2), recovery (row of ``RECOVERIES``)"""
    visits: Findings
    """EDSS step as rated"""
    scans: Findings
    """T2 count, new T2 (NaN at the first scan), Gd lesions (NaN where contrast was not given)"""
    nfl: Findings
    """log of sNfL less what age and BMI explain, 1 = untreated"""
    gfap: Findings
    """log of GFAP less what age explains"""


def read_record(cohort: Simulated, decisions: Decisions) -> Record:
    """The record of every decision, from the frames of the cohort."""
    onset = cohort.courses.month_of(cohort.people.onset_day[decisions.person])
    people, laboratory = cohort.people, cohort.parameters.laboratory
    recalled = cohort.courses.month_of(people.entry_day[decisions.person] - RECALL_DAYS) + 1
    reader = _Reader(cohort, decisions, onset)
    lab = cohort.frames["lab"]
    nfl, gfap = (reader.read(lab[lab["analyte"] == name], ("value",)) for name in ("nfl", "gfap"))
    person = decisions.person
    age, bmi = people.age_on(nfl.day, person[nfl.row]), people.bmi[person[nfl.row]]
    expected = np.log(laboratory.nfl_at_25) + laboratory.nfl_age_slope * (age - 25.0)
    expected = expected + laboratory.nfl_bmi_slope * (bmi - 25.0)
    untreated = cohort.courses.drug[person[nfl.row], onset[nfl.row] + nfl.month] == 0
    nfl = Findings(nfl.row, nfl.month, nfl.day, np.stack([np.log(nfl.values[0]) - expected, untreated]))
    age = people.age_on(gfap.day, person[gfap.row])
    expected = np.log(laboratory.gfap_at_40) + laboratory.gfap_age_slope * (age - 40.0)
    return Record(
        months=decisions.month - onset + 1,
        seen_from=np.maximum(recalled - onset, 0),
        relapses=_relapses(reader, cohort, decisions),
        visits=_visits(reader, cohort),
        scans=reader.read(cohort.frames["mri"], ("t2_count", "new_t2", "gd_lesions")),
        nfl=nfl,
        gfap=Findings(gfap.row, gfap.month, gfap.day, np.log(gfap.values) - expected),
    )


class _Reader:
    """Reads rows of a frame that are dated before the decisions of their person."""

    def __init__(self, cohort: Simulated, decisions: Decisions, onset: IntArray) -> None:
        self.cohort, self.decisions, self.onset = cohort, decisions, onset
        self.ids = pd.Index(cohort.ids)

    def read(self, frame: pd.DataFrame, columns: tuple[str, ...]) -> Findings:
        """Numbers of the columns."""
        person = self.ids.get_indexer(pd.Index(frame["patient_id"])).astype(np.int64)
        day = frame["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
        values = np.stack([frame[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in columns])
        # Each row serves every decision of its person (as a rule one).
        order = np.argsort(self.decisions.person, kind="stable")
        first = np.searchsorted(self.decisions.person[order], person)
        number = np.searchsorted(self.decisions.person[order], person, side="right") - first
        source = np.repeat(np.arange(len(person)), number)
        within = np.arange(len(source)) - np.repeat(np.cumsum(number) - number, number)
        row = order[np.repeat(first, number) + within]
        before = day[source] < self.decisions.day[row]
        row, source = row[before], source[before]
        month = self.cohort.courses.month_of(day[source]) - self.onset[row]
        return Findings(row, month, day[source], values[:, source])


def _relapses(reader: _Reader, cohort: Simulated, decisions: Decisions) -> Findings:
    frame = cohort.frames["relapse"]
    codes = pd.DataFrame(
        {
            "patient_id": frame["patient_id"],
            "date": frame["date"],
            "severity": frame["severity"].map({name: place for place, name in enumerate(_SEVERITIES)}),
            "recovery": frame["recovery"].map({name: place for place, name in enumerate(RECOVERIES)}),
        }
    )
    found = reader.read(codes, ("severity", "recovery"))
    early = decisions.day[found.row] - found.day < _RECOVERY_KNOWN_DAYS
    found.values[1, early] = RECOVERIES.index("unknown")
    return found


def _visits(reader: _Reader, cohort: Simulated) -> Findings:
    found = reader.read(cohort.frames["visit"], ("edss",))
    known = np.flatnonzero(np.isfinite(found.values[0]))
    steps = np.searchsorted(EDSS_OF_STEP, found.values[:, known]).astype(np.float64)
    return Findings(found.row[known], found.month[known], found.day[known], steps)
