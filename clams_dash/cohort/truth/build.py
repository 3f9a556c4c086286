"""The truth of a cohort: for a sample of decisions of held-out patients, every arm's expected and realised outcomes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from clams_dash.cohort.frozen import generator_digest
from clams_dash.cohort.parameters import Parameters
from clams_dash.cohort.people import People
from clams_dash.cohort.simulate import Simulated
from clams_dash.cohort.truth.arms import Arms, Standing
from clams_dash.cohort.truth.burden import burden_frame
from clams_dash.cohort.truth.capture import Captured, capture
from clams_dash.cohort.truth.decisions import Decisions, choose_decisions
from clams_dash.cohort.truth.estimate import Average
from clams_dash.cohort.truth.futures import OUTCOMES, PROBABILITIES, Effort, Setting, expect
from clams_dash.cohort.truth.particles import ParticleFilter
from clams_dash.cohort.truth.record import Record, read_record
from clams_dash.cohort.truth.weigh import History
from clams_dash.cohort.worlds import World
from clams_dash.errors import ClamsError
from clams_dash.response.settings import Design, response_rules

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Progress = Callable[[str, float], None]

PARTICLES = 512
_CHUNK = 24
"""decisions whose particles run side by side"""
NAMES = {"relapse": "p_relapse", "worsening": "p_worsening", "new_t2": "mean_new_t2", "neda": "p_neda"}


@dataclass(frozen=True, slots=True)
class TruthPlan:
    """How many decisions, and how exactly they are worked out."""

    decisions: int = 5_000
    particles: int = PARTICLES
    given_record: Effort = field(default=Effort(draws=1024, rounds=1, most_rounds=24, aim=0.005))
    given_state: Effort = field(default=Effort(draws=512, rounds=1, most_rounds=24, aim=0.01))
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.decisions < 1 or self.particles < 2:
            raise ClamsError("a truth needs at least one decision and two particles")
        if self.given_record.draws % self.particles:
            raise ClamsError("the draws of a round must use every particle equally often: a multiple of particles")


@dataclass(frozen=True, slots=True)
class _Task:
    """What one process needs for some decisions."""

    seeds: np.random.SeedSequence
    rows: IntArray
    history: History
    people: People
    standing: tuple[Standing, ...]
    arms: tuple[Arms, ...]
    decisions: Decisions
    month_day: IntArray
    world: World
    parameters: Parameters
    design: Design
    plan: TruthPlan


@dataclass(frozen=True, slots=True)
class _Worked:
    """Averages of one decision: given the record, and in the true hidden state."""

    row: int
    given_record: Average
    given_state: Average
    effective_particles: float


def build_truth(cohort: Simulated, seed: int, plan: TruthPlan, progress: Progress) -> dict[str, pd.DataFrame]:
    """Tables ``truth``, ``world`` and ``burden`` (interfaces.md). Raises ClamsError for too small a cohort."""
    choice_seed, replay_seed, draw_seed = np.random.SeedSequence([seed, 2]).spawn(3)
    design = response_rules().design
    decisions = choose_decisions(cohort, plan.decisions, design, np.random.default_rng(choice_seed))
    progress("looking once more at the cohort", 0.0)
    captured = capture(cohort, decisions, np.random.default_rng(replay_seed))
    tasks = list(_tasks(cohort, decisions, captured, read_record(cohort, decisions), design, plan, draw_seed))
    worked: dict[int, _Worked] = {}
    for done in _run(tasks, plan.workers):
        worked.update({one.row: one for one in done})
        progress("working out what would have happened", len(worked) / len(decisions))
    truth = pd.concat(
        [_rows(cohort, decisions, captured, worked[row]) for row in range(len(decisions))], ignore_index=True
    )
    return {
        "truth": truth,
        "world": cohort.world.frame().assign(generator_sha256=generator_digest()),
        "burden": burden_frame(cohort.world.drugs.names),
    }


def _tasks(
    cohort: Simulated,
    decisions: Decisions,
    captured: Captured,
    record: Record,
    design: Design,
    plan: TruthPlan,
    seeds: np.random.SeedSequence,
) -> Iterator[_Task]:
    chunks = chunks_of(record)
    for rows, seed in zip(chunks, seeds.spawn(len(chunks)), strict=True):
        chosen = decisions.take(rows)
        yield _Task(
            seed,
            rows,
            history_of(cohort, chosen, captured, record, rows),
            cohort.people.take(chosen.person),
            tuple(captured.standing[row] for row in rows),
            tuple(captured.arms[row] for row in rows),
            chosen,
            cohort.courses.month_day,
            cohort.world,
            cohort.parameters,
            design,
            plan,
        )


def chunks_of(record: Record) -> list[IntArray]:
    """Decisions to run side by side: those with about as many months behind them, each chunk in ascending order."""
    order = np.argsort(record.months, kind="stable")
    return [np.sort(order[first : first + _CHUNK]) for first in range(0, len(order), _CHUNK)]


def history_of(cohort: Simulated, chosen: Decisions, captured: Captured, record: Record, rows: IntArray) -> History:
    """The records of the decisions ``rows`` (``chosen``), ready to be run through."""
    courses, people = cohort.courses, cohort.people.take(chosen.person)
    onset = courses.month_of(people.onset_day)
    converted = courses.spms_day[chosen.person]
    month = courses.month_of(np.maximum(converted, 0)) - onset
    acting = captured.acting.take(rows)
    return History(
        months=record.months[rows],
        seen_from=record.seen_from[rows],
        spms_month=np.where((converted >= 0) & (month < record.months[rows]), month, -1),
        onset_index=onset,
        birth_day=people.birth_day,
        month_day=courses.month_day,
        acting=np.stack([acting.relapse, acting.new_t2, acting.worsening]).astype(np.float64),
        relapses=record.relapses.of(rows).by_month(),
        visits=record.visits.of(rows).by_month(),
        scans=record.scans.of(rows).by_month(),
        nfl=record.nfl.of(rows).by_month(),
        gfap=record.gfap.of(rows).by_month(),
        choices=captured.choices.of(rows).by_month(),
        progression_stops=captured.progression_stops.of(rows).by_month(),
    )


def _run(tasks: list[_Task], workers: int | None) -> Iterator[list[_Worked]]:
    count = workers if workers is not None else (os.cpu_count() or 1)
    if count == 1 or len(tasks) == 1:
        yield from (_work(task) for task in tasks)
        return
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(_work, task) for task in tasks]):
            yield future.result()


def _work(task: _Task) -> list[_Worked]:
    with threadpool_limits(1):
        cloud_seed, *own = task.seeds.spawn(1 + 2 * len(task.rows))
        plan = task.plan
        clouds = ParticleFilter(
            task.history, task.people, task.world, task.parameters, plan.particles, cloud_seed
        ).run()
        done: list[_Worked] = []
        for place, row in enumerate(task.rows.tolist()):
            setting = Setting(
                task.standing[place],
                task.arms[place],
                int(task.decisions.month[place]),
                task.month_day,
                int(task.decisions.last_visit[place]),
                int(task.decisions.worse_step[place]),
                task.world,
                task.parameters,
                task.design,
            )
            given_record = expect(setting, clouds[place], plan.given_record, own[2 * place])
            given_state = expect(setting, None, plan.given_state, own[2 * place + 1])
            done.append(_Worked(row, given_record, given_state, clouds[place].effective))
        return done


def _rows(cohort: Simulated, decisions: Decisions, captured: Captured, worked: _Worked) -> pd.DataFrame:
    """Rows of the table ``truth`` of one decision, one per arm."""
    row = worked.row
    arms, came = captured.arms[row], captured.realised[row]
    count = len(arms.drug)
    names = np.array(cohort.world.drugs.names, dtype=object)
    frame: dict[str, object] = {
        "patient_id": np.full(count, cohort.ids[decisions.person[row]], dtype=object),
        "index_date": np.full(count, decisions.day[row]).astype("datetime64[D]").astype("datetime64[s]"),
        "kind": np.full(count, "start" if decisions.start[row] else "stay", dtype=object),
        "dmt": names[arms.drug],
        "decided": arms.drug == decisions.drug[row],
    }
    for place, name in enumerate(OUTCOMES):
        frame[NAMES[name]] = _possible(worked.given_record.value[place], place)
    for place, name in enumerate(OUTCOMES):
        frame[f"se_{name}"] = worked.given_record.error[place]
    for place, name in enumerate(OUTCOMES):
        frame[f"state_{NAMES[name]}"] = _possible(worked.given_state.value[place], place)
    for place in PROBABILITIES:
        frame[f"state_se_{OUTCOMES[place]}"] = worked.given_state.error[place]
    frame |= {"relapse": came.relapse, "worsening": came.worsening, "new_t2": came.new_t2, "neda": came.neda}
    frame |= {"eligible": arms.eligible, "effective_particles": np.full(count, worked.effective_particles)}
    return pd.DataFrame(frame)


def _possible(values: FloatArray, place: int) -> FloatArray:
    """Control variates may carry an estimate a little beyond what is possible."""
    return np.clip(values, 0.0, 1.0 if place in PROBABILITIES else None)
