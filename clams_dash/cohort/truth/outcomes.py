"""Outcomes of the months after a decision, and sums that are zero on average and go along with them.

The sums (what happened less what was expected, month by month) are control variates: they take most of the chance out
of an average over simulated futures without changing what it estimates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.disease_state import DiseaseState, Events
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.truth.followup import WorseningWatch

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

HORIZON_MONTHS = 24
COUNT_MONTHS = 12
"""new T2 lesions are counted in the first year"""
REBASELINE_MONTHS = 6
"""NEDA-3 counts lesions from the new baseline scan on (clinical.md 1.5)"""
_BIN_MONTHS = 6


class OutcomeWatch:
    """Follows all columns of one decision or several, month by month.

    NEDA-3: no relapse and no confirmed worsening within 24 months, no new T2 lesion from month 6 to 24. Every course
    may be watched at several schedules of visits; worsening and NEDA-3 are then shares of them.
    """

    def __init__(self, visits: tuple[WorseningWatch, ...], activity: FloatArray, parameters: Parameters) -> None:
        count = len(visits[0].draw)
        self.visits, self.burst_shape = visits, parameters.lesions.burst_shape
        self.relapse = np.zeros(count, dtype=np.bool_)
        self.active = np.zeros(count, dtype=np.bool_)
        """a relapse, or a new lesion after the new baseline"""
        self.new_t2 = np.zeros(count, dtype=np.int64)
        self.expected_t2 = np.zeros(count)
        bins = HORIZON_MONTHS // _BIN_MONTHS
        self.relapse_control, self.active_control = np.zeros(count), np.zeros(count)
        self.progression_controls, self.relapse_controls = np.zeros((bins, count)), np.zeros((bins, count))
        self.lasting_controls, self.activity_controls = np.zeros((bins, count)), np.zeros((bins, count))
        self.activity, self.kept = activity, np.exp(-1.0 / parameters.relapse.activity_months)

    def see(self, month: int, state: DiseaseState, events: Events) -> None:
        """A month has passed, at the end of which the disease stands at ``state``."""
        for watch in self.visits:
            watch.see(month, state.step, events)
        if month >= HORIZON_MONTHS:
            return
        expected = events.expected
        relapse_now = np.zeros(len(self.relapse), dtype=np.bool_)
        relapse_now[events.relapses.who] = True
        left, block = HORIZON_MONTHS - 1 - month, month // _BIN_MONTHS
        quiet = 1.0 - expected.relapse
        surprise = relapse_now - expected.relapse
        # A relapse now matters as much as it was likely that none would come later.
        self.relapse_control += ~self.relapse * quiet**left * surprise
        lasting = np.zeros(len(self.relapse))
        lasting[events.relapses.who] = events.relapses.residual_steps >= 2
        self.activity_controls[block] += state.activity - self.kept * self.activity
        self.activity = state.activity
        self.relapse_controls[block] += surprise
        self.lasting_controls[block] += lasting - expected.lasting_relapse
        self.progression_controls[block] += events.progressed - expected.progression
        self.relapse |= relapse_now
        mean = expected.new_t2 + expected.new_t2_of_relapse
        if month < COUNT_MONTHS:
            self.new_t2 += events.new_t2
            self.expected_t2 += mean
        clean = (1.0 + expected.new_t2 / self.burst_shape) ** -self.burst_shape
        counted = month >= REBASELINE_MONTHS
        now = relapse_now | ((events.new_t2 > 0) & counted)
        chance = 1.0 - quiet * (clean if counted else 1.0)
        later = quiet**left * clean ** min(left, HORIZON_MONTHS - REBASELINE_MONTHS)
        self.active_control += ~self.active * later * (now - chance)
        self.active |= now

    @property
    def worsening(self) -> FloatArray:
        """Share of the schedules that confirm worsening with its onset within the horizon."""
        return np.asarray(np.mean([watch.confirmed for watch in self.visits], axis=0))

    @property
    def neda(self) -> FloatArray:
        """Share of the schedules without evidence of disease activity."""
        return np.asarray(~self.active * (1.0 - self.worsening))

    def controls(self) -> FloatArray:
        """The control variates (variate x column), each zero on average."""
        return np.stack(
            [
                self.relapse_control,
                self.active_control,
                *self.progression_controls,
                *self.relapse_controls,
                *self.lasting_controls,
                *self.activity_controls,
                np.mean([watch.noise_seen for watch in self.visits], axis=0),
            ]
        )
