"""A second run of a cohort's courses, looked at: how things stood at each decision, and what acted before."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.course import Calendar, Moment
from clams_dash.cohort.disease_state import take_rows
from clams_dash.cohort.people import People
from clams_dash.cohort.policy import utilities
from clams_dash.cohort.simulate import Simulated, run_again
from clams_dash.cohort.treatment import STOP_REASONS, TreatmentState
from clams_dash.cohort.truth.arms import Arms, Standing, arms_of
from clams_dash.cohort.truth.decisions import Decisions
from clams_dash.cohort.truth.record import Findings
from clams_dash.cohort.truth.replay import Realised, Replay
from clams_dash.cohort.truth.traits import PULL_GRID

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
ActingArray = NDArray[np.float32]

_PROGRESSION = STOP_REASONS.index("progression")


@dataclass(frozen=True, slots=True)
class Acting:
    """Log ratios of the therapies as they acted, month of the grid x decision."""

    relapse: ActingArray
    """rebound included"""
    new_t2: ActingArray
    worsening: ActingArray

    def take(self, rows: IntArray) -> Acting:
        """The given decisions."""
        return take_rows(self, rows)


@dataclass(frozen=True, slots=True)
class Captured:
    """What the second run showed, arrays over decisions; ``months`` and findings count from onset."""

    standing: tuple[Standing, ...]
    """of each decision"""
    arms: tuple[Arms, ...]
    realised: tuple[Realised, ...]
    acting: Acting
    choices: Findings
    """log probability of a therapy begun before the decision, over ``PULL_GRID``"""
    progression_stops: Findings
    """months in which a therapy was stopped for progression"""


def capture(cohort: Simulated, decisions: Decisions, rng: np.random.Generator) -> Captured:
    """Run the courses once more and keep what the truth needs."""
    watch = _Capture(cohort, decisions, rng)
    run_again(cohort, watch)
    return watch.result()


class _Capture:
    def __init__(self, cohort: Simulated, decisions: Decisions, rng: np.random.Generator) -> None:
        self.cohort, self.decisions = cohort, decisions
        courses = cohort.courses
        self.onset = courses.month_of(cohort.people.onset_day[decisions.person])
        self.calendar = Calendar.of(cohort.people, courses.month_day)
        size = (len(courses.month_day), len(decisions))
        self.acting = Acting(*(np.zeros(size, dtype=np.float32) for _ in range(3)))
        self.standing: list[Standing | None] = [None] * len(decisions)
        self.arms: list[Arms | None] = [None] * len(decisions)
        self.replay = Replay(cohort, len(decisions), rng)
        self.choices: list[tuple[IntArray, int, FloatArray]] = []
        rows = courses.therapies
        started = np.stack([rows.person, courses.month_of(rows.start_day), rows.drug])
        self.starts = started[:, np.argsort(started[1], kind="stable")]

    def begin(self, index: int, therapy: TreatmentState) -> None:
        """Keep what acts this month in the persons with a decision."""
        cohort, world = self.cohort, self.cohort.world
        parameters, who = cohort.parameters, self.decisions.person
        lag, drugs = parameters.relapse, world.drugs
        relapse = therapy.log_ratio("relapse", world.relapse_log, lag.lag_months)
        relapse = relapse + np.log(therapy.rebound(drugs, lag.rebound_months, lag.lag_months))
        self.acting.relapse[index] = relapse[who]
        lesions = therapy.log_ratio("new_t2", world.new_t2_log, parameters.lesions.lag_months)
        self.acting.new_t2[index] = lesions[who]
        worsening = therapy.log_ratio("worsening", world.worsening_log, parameters.disability.lag_months)
        self.acting.worsening[index] = worsening[who]

    def decide(self, moment: Moment) -> None:
        """Keep how things stand at the decisions of this month, and how likely the therapies begun in it were."""
        self.replay.pass_month(moment)
        rows = np.flatnonzero(self.decisions.month == moment.index)
        if len(rows):
            who = self.decisions.person[rows]
            standing = Standing(self.cohort.people, moment.state, moment.therapy, moment.known, self.calendar).take(who)
            arms = arms_of(standing, self.cohort.world)
            for place, row in enumerate(rows.tolist()):
                self.standing[row] = standing.take(np.array([place]))
                own = arms.row == place
                self.arms[row] = Arms(np.zeros(int(own.sum()), dtype=np.int64), arms.drug[own], arms.eligible[own])
            self.replay.open(moment, rows, who, standing, arms, self.decisions)
        self._note_choices(moment)

    def _note_choices(self, moment: Moment) -> None:
        first, end = np.searchsorted(self.starts[1], [moment.index, moment.index + 1])
        who, drug = self.starts[0, first:end], self.starts[2, first:end]
        asked = np.isin(who, self.decisions.person)
        who, drug = who[asked], drug[asked]
        if len(who):
            table = _log_choice(who, drug, moment, self.cohort)
            self.choices.append((who, moment.index, table))

    def result(self) -> Captured:
        """All of it."""
        standing = tuple(one for one in self.standing if one is not None)
        arms = tuple(one for one in self.arms if one is not None)
        realised = self.replay.result()
        return Captured(standing, arms, realised, self.acting, self._choices(), self._progression_stops())

    def _choices(self) -> Findings:
        if not self.choices:
            none = np.empty(0, dtype=np.int64)
            return Findings(none, none, none, np.empty((len(PULL_GRID), 0)))
        person = np.concatenate([who for who, _, _ in self.choices])
        month = np.concatenate([np.full(len(who), index) for who, index, _ in self.choices])
        return self._before(person, month, np.concatenate([table for _, _, table in self.choices], axis=1))

    def _progression_stops(self) -> Findings:
        rows, courses = self.cohort.courses.therapies, self.cohort.courses
        ended = rows.reason == _PROGRESSION
        month = courses.month_of(rows.stop_day[ended])
        return self._before(rows.person[ended], month, np.ones((1, int(ended.sum()))))

    def _before(self, person: IntArray, month: IntArray, values: FloatArray) -> Findings:
        """As findings of the decisions they come before."""
        decision, source = np.nonzero(
            (self.decisions.person[:, None] == person[None, :]) & (self.decisions.month[:, None] > month[None, :])
        )
        since = month[source] - self.onset[decision]
        return Findings(decision, since, month[source], values[:, source])


def _log_choice(who: IntArray, drug: IntArray, moment: Moment, cohort: Simulated) -> FloatArray:
    """Log probability (``PULL_GRID`` x who) of the drugs chosen, as hidden traits add to the pull of activity."""
    world, parameters = cohort.world, cohort.parameters.treatment
    shift = world.centre_relapse_factor(cohort.people.centre)
    blank: People = replace(cohort.people, frailty=shift, confounder=np.zeros(len(shift)))
    base = utilities(who, moment.therapy, moment.known, blank, world, parameters)
    slope = parameters.activity_weight * (world.drugs.efficacy_rank - 2.5) / 2.0 * world.scenario.choice_sharpness
    secondary = np.where(moment.known.course[who] == 1, parameters.spms_activity_weight, 1.0)
    added = slope[:, None, None] * PULL_GRID[None, :, None] * secondary[None, None, :]
    weight = (base[:, None, :] + added) / parameters.temperature
    weight = weight - weight.max(axis=0)
    total = np.log(np.exp(weight).sum(axis=0))
    chosen = weight[drug, :, np.arange(len(who))].T - total
    # A therapy that the rules of this month would not have allowed was begun under last month's: it tells nothing.
    return np.where(np.isfinite(chosen), chosen, 0.0)
