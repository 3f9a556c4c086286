"""A cohort of synthetic persons with multiple sclerosis, as frames of the pool's tables."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clams_dash.cohort.course import Watch, simulate_courses
from clams_dash.cohort.course_record import Courses
from clams_dash.cohort.drugs import load_lab_effects
from clams_dash.cohort.examinations import Window, visit_frame
from clams_dash.cohort.histories import fact_frame, patient_frame, relapse_frame, treatment_frame
from clams_dash.cohort.laboratory import Bloods
from clams_dash.cohort.parameters import Parameters, load_parameters
from clams_dash.cohort.people import People, day_number, draw_people
from clams_dash.cohort.scans import mri_frame
from clams_dash.cohort.worlds import World, make_world
from clams_dash.errors import ClamsError


@dataclass(frozen=True, slots=True)
class Simulated:
    """A cohort with what is hidden in it: the frames, and the persons, courses and world they were written from."""

    frames: dict[str, pd.DataFrame]
    ids: NDArray[np.object_]
    people: People
    courses: Courses
    world: World
    parameters: Parameters
    course_seed: np.random.SeedSequence
    """the courses can be run once more with it (a SeedSequence remembers what it spawned: take a copy)"""


def simulate_cohort(
    patients: int, seed: int, *, family: str = "smooth", scenario: str = "default", randomised: bool = False
) -> dict[str, pd.DataFrame]:
    """Frames by table name (patient, visit, relapse, treatment, clinical_fact, lab, mri) with their source columns.

    ``family`` and ``scenario`` name entries of ``families.toml`` and ``scenarios.toml``; ``randomised`` gives everybody
    one of all therapies or none by lot at entry, to be kept. The same arguments give the same frames on any day: the
    data end at the data date of ``data/effects/generator.toml``. Every part draws from a random stream of its own.
    Raises ClamsError for a number of patients below one or a negative seed, FactsError for an impossible parameter file
    and for an unknown family or scenario.
    """
    return simulate(patients, seed, family=family, scenario=scenario, randomised=randomised).frames


def simulate(
    patients: int, seed: int, *, family: str = "smooth", scenario: str = "default", randomised: bool = False
) -> Simulated:
    """As :func:`simulate_cohort`, with what is hidden."""
    if patients < 1:
        raise ClamsError(f"a cohort needs at least one patient; {patients} asked for")
    if seed < 0:
        raise ClamsError(f"the seed must not be negative; {seed} given")
    parameters = load_parameters()
    seeds = np.random.SeedSequence(seed).spawn(8)
    _, people_seed, course_seed, visit_seed, mri_seed, lab_seed, fact_seed, stop_seed = seeds
    world = world_of(seed, parameters, family=family, scenario=scenario)
    drugs = world.drugs
    effects = load_lab_effects(drugs)
    people = draw_people(patients, parameters, world.scenario, np.random.default_rng(people_seed))
    courses = simulate_courses(people, world, parameters, _again(course_seed), randomised=randomised)
    people = replace(people, lost_day=courses.lost_day)
    data_day = day_number(parameters.cohort.data_date)
    window = Window(first=people.entry_day, last=np.minimum(people.lost_day, data_day))
    ids = _pseudonyms(patients)
    visit = visit_frame(ids, people, courses, window, parameters.visits, parameters.disability.highest_step, visit_seed)
    mri = mri_frame(ids, people, courses, window, parameters, mri_seed)
    lab = Bloods(people, courses, window, drugs, effects, parameters.laboratory, lab_seed).frame(ids)
    last = _last_day(ids, [visit, mri, lab], people.entry_day)
    frames = {
        "patient": patient_frame(ids, people, courses, window, parameters.cohort),
        "visit": visit,
        "relapse": relapse_frame(ids, people, courses, window),
        "treatment": treatment_frame(ids, courses, drugs, parameters.treatment, stop_seed),
        "clinical_fact": fact_frame(ids, people, courses, drugs, window, last, data_day, fact_seed),
        "lab": lab,
        "mri": mri,
    }
    return Simulated(frames, ids, people, courses, world, parameters, course_seed)


def run_again(cohort: Simulated, watch: Watch) -> None:
    """Run the courses of a cohort once more, month by month as they went, shown to ``watch``."""
    simulate_courses(cohort.people, cohort.world, cohort.parameters, _again(cohort.course_seed), watch=watch)


def _again(seeds: np.random.SeedSequence) -> np.random.SeedSequence:
    """A fresh copy: spawning from it gives what spawning from a new one gives."""
    return np.random.SeedSequence(seeds.entropy, spawn_key=seeds.spawn_key)


def world_of(seed: int, parameters: Parameters, *, family: str = "smooth", scenario: str = "default") -> World:
    """The world :func:`simulate_cohort` draws for a seed: the true effects behind its frames."""
    world_seed = np.random.SeedSequence(seed).spawn(1)[0]
    rng = np.random.default_rng(world_seed) if parameters.treatment.draw_effects else None
    return make_world(parameters, rng, family=family, scenario=scenario)


def _pseudonyms(patients: int) -> NDArray[np.object_]:
    width = max(4, len(str(patients)))
    return np.array([f"P-{number:0{width}d}" for number in range(1, patients + 1)], dtype=object)


def _last_day(ids: NDArray[np.object_], frames: list[pd.DataFrame], entry_day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Day of the last record of every person."""
    together = pd.concat([frame[["patient_id", "date"]] for frame in frames], ignore_index=True)
    latest = together.groupby("patient_id")["date"].max().reindex(ids)
    days = latest.to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.asarray(np.where(latest.isna().to_numpy(), entry_day, days))
