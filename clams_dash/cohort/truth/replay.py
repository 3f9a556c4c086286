"""What came, and would have come, of each decision with the random numbers the cohort itself was made with.

The arm that was decided replays the course in the frames; the others differ from it by the therapy alone. The visits
at which EDSS is rated, and the rating noise, are drawn anew, the same for all arms of a decision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.course import Moment
from clams_dash.cohort.people import DAYS_PER_MONTH, DAYS_PER_YEAR
from clams_dash.cohort.simulate import Simulated
from clams_dash.cohort.truth.arms import Arms, Standing, begin_arms, pass_month
from clams_dash.cohort.truth.decisions import FUTURE_MONTHS, Decisions
from clams_dash.cohort.truth.followup import Schedule, WorseningWatch
from clams_dash.cohort.truth.outcomes import OutcomeWatch
from clams_dash.response.settings import response_rules

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Realised:
    """Outcomes of every arm of one decision, as they came."""

    relapse: BoolArray
    worsening: BoolArray
    new_t2: IntArray
    neda: BoolArray


@dataclass(slots=True)
class _Branch:
    rows: IntArray
    arm_row: IntArray
    """decision (place in ``rows``) of every column"""
    person: IntArray
    standing: Standing
    outcomes: OutcomeWatch
    passed: int = 0


class Replay:
    """Branches of decisions, carried on month by month beside the cohort."""

    def __init__(self, cohort: Simulated, decisions: int, rng: np.random.Generator) -> None:
        self.cohort, self.rng = cohort, rng
        self.design = response_rules().design
        self.branches: list[_Branch] = []
        self.found: list[Realised | None] = [None] * decisions

    def open(
        self, moment: Moment, rows: IntArray, who: IntArray, standing: Standing, arms: Arms, decisions: Decisions
    ) -> None:
        """Begin all arms of the decisions ``rows`` of this month."""
        columns = standing.take(arms.row)
        first_day = moment.month.first_day
        age = (first_day - columns.people.birth_day) / DAYS_PER_YEAR
        begin_arms(columns, arms.drug, first_day, age, self.cohort.world)
        parameters = self.cohort.parameters
        future_day = first_day + round(DAYS_PER_MONTH)
        elapsed = future_day - decisions.last_visit[rows]
        schedule = Schedule.draw(elapsed, FUTURE_MONTHS, parameters.visits, self.rng)
        since = np.maximum(columns.state.since_relapse, 0) * 30
        visits = WorseningWatch(
            schedule,
            arms.row,
            decisions.worse_step[rows][arms.row],
            since,
            parameters.visits,
            parameters.disability.highest_step,
            self.design,
        )
        outcomes = OutcomeWatch((visits,), columns.state.activity, parameters)
        self.branches.append(_Branch(rows, arms.row, who[arms.row], columns, outcomes))

    def pass_month(self, moment: Moment) -> None:
        """One month of every open branch."""
        world, parameters = self.cohort.world, self.cohort.parameters
        for branch in self.branches:
            draws, policy = moment.draws.take(branch.person), moment.policy.take(branch.person)
            day = moment.month.first_day
            events = pass_month(branch.standing, moment.index, day, draws, policy, world, parameters)
            branch.outcomes.see(branch.passed, branch.standing.state, events)
            branch.passed += 1
            if branch.passed == FUTURE_MONTHS:
                self._close(branch)
        self.branches = [branch for branch in self.branches if branch.passed < FUTURE_MONTHS]

    def _close(self, branch: _Branch) -> None:
        seen = branch.outcomes
        for place, row in enumerate(branch.rows.tolist()):
            own = branch.arm_row == place
            self.found[row] = Realised(seen.relapse[own], seen.worsening[own] > 0, seen.new_t2[own], seen.neda[own] > 0)

    def result(self) -> tuple[Realised, ...]:
        """Of every decision, in order."""
        return tuple(one for one in self.found if one is not None)
