"""The hidden state given the record: the true one must look like one more particle (simulation-based calibration)."""

from __future__ import annotations

import numpy as np
import pytest

from clams_dash.cohort.truth.build import chunks_of, history_of
from clams_dash.cohort.truth.particles import Cloud, ParticleFilter, systematic
from clams_dash.cohort.truth.record import read_record
from clams_dash.cohort.truth.traits import (
    FRAILTY_GRID,
    LesionMeans,
    Prior,
    Sums,
    first_count_log_likelihood,
    interpolate,
    log_likelihood,
    negative_binomial,
)
from tests.cohort.truth.conftest import Looked

PARTICLES = 128


@pytest.fixture(scope="module")
def clouds(looked: Looked) -> list[Cloud]:
    """One cloud per decision, in order."""
    cohort, decisions = looked.cohort, looked.decisions
    record = read_record(cohort, decisions)
    found: dict[int, Cloud] = {}
    for number, rows in enumerate(chunks_of(record)):
        chosen = decisions.take(rows)
        history = history_of(cohort, chosen, looked.captured, record, rows)
        people = cohort.people.take(chosen.person)
        seed = np.random.SeedSequence([7, number])
        run = ParticleFilter(history, people, cohort.world, cohort.parameters, PARTICLES, seed).run()
        found.update(zip(rows.tolist(), run, strict=True))
    return [found[row] for row in range(len(decisions))]


def ranks(true: np.ndarray, particles: list[np.ndarray]) -> np.ndarray:
    """Share of a decision's particles below the true value, ties halved."""
    return np.array(
        [(own < value).mean() + 0.5 * (own == value).mean() for value, own in zip(true, particles, strict=True)]
    )


def assert_uniform(found: np.ndarray) -> None:
    """Mean and spread of ranks that are uniform, within four standard errors."""
    error = np.sqrt(1.0 / 12.0 / len(found))
    assert found.mean() == pytest.approx(0.5, abs=4 * error)
    assert found.std() == pytest.approx(np.sqrt(1.0 / 12.0), abs=0.045)


@pytest.mark.parametrize("trait", ["relapse", "lesion", "progression"])
def test_the_true_trait_has_a_uniform_rank_among_the_particles(looked: Looked, clouds: list[Cloud], trait: str) -> None:
    people, who = looked.cohort.people, looked.decisions.person
    true = {"relapse": people.frailty, "lesion": people.lesion_frailty, "progression": people.progression_frailty}
    assert_uniform(ranks(true[trait][who], [getattr(cloud.traits, trait) for cloud in clouds]))


def test_the_true_activity_has_a_uniform_rank_among_the_particles(looked: Looked, clouds: list[Cloud]) -> None:
    true = np.array([float(standing.state.activity[0]) for standing in looked.captured.standing])
    assert_uniform(ranks(true, [cloud.state.activity for cloud in clouds]))


def test_particles_know_the_true_edss_about_as_well_as_its_rating_allows(looked: Looked, clouds: list[Cloud]) -> None:
    true = np.array([int(standing.state.step[0]) for standing in looked.captured.standing])
    said = np.array([(cloud.state.step == step).mean() for cloud, step in zip(clouds, true, strict=True)])
    off = np.array([cloud.state.step.mean() for cloud in clouds]) - true
    assert said.mean() > 0.6
    assert abs(off.mean()) < 0.12


def test_the_record_narrows_what_is_known_of_a_person(looked: Looked, clouds: list[Cloud]) -> None:
    prior = Prior.of(looked.cohort.parameters, looked.cohort.world).draw(20_000, np.random.default_rng(0))
    for trait in ("relapse", "lesion"):
        spread = np.mean([np.log(getattr(cloud.traits, trait) + 0.02).std() for cloud in clouds])
        assert spread < 0.85 * np.log(getattr(prior, trait) + 0.02).std()


def test_moves_of_the_traits_keep_to_the_distribution_that_sums_and_prior_imply(looked: Looked) -> None:
    """With five progressions in an exposure of four, the tendency to progress is gamma(a + 5, a + 4)."""
    prior, parameters, rng = Prior.of(looked.cohort.parameters, looked.cohort.world), looked.cohort.parameters, None
    rng = np.random.default_rng(4)
    traits = prior.draw(4000, rng)
    sums = Sums.none(4000)
    sums.progressions += 5.0
    sums.progression_exposure += 4.0
    now = log_likelihood(traits, sums, prior, parameters) + prior.log_density(traits)
    for _ in range(200):
        other = prior.propose(traits, rng)
        then = log_likelihood(other, sums, prior, parameters) + prior.log_density(other)
        taken = np.log(rng.random(4000)) < then - now
        traits, now = other.where(taken, traits), np.where(taken, then, now)
    shape = parameters.cohort.progression_frailty_shape
    assert traits.progression.mean() == pytest.approx((shape + 5) / (shape + 4), rel=0.04)
    assert traits.progression.std() == pytest.approx(np.sqrt(shape + 5) / (shape + 4), rel=0.08)
    assert traits.relapse.mean() == pytest.approx(1.0, abs=0.06)


def test_lesion_evidence_on_the_grid_is_that_between_its_points(looked: Looked) -> None:
    parameters, frailty = looked.cohort.parameters, np.array([0.13, 0.7, 1.9, 5.0])
    months = LesionMeans.none(4)
    for _ in range(30):
        months = months.add(np.full(4, 0.3), np.zeros(4))
    grid = FRAILTY_GRID[:, None]
    shape = parameters.lesions.burst_shape
    count = np.full(4, 9.0)
    for table, exact in (
        (
            negative_binomial(count, *months.moments(grid, shape)),
            negative_binomial(count, *months.moments(frailty, shape)),
        ),
        (
            first_count_log_likelihood(count * 5, months, grid, parameters),
            first_count_log_likelihood(count * 5, months, frailty, parameters),
        ),
    ):
        assert interpolate(table, frailty) == pytest.approx(exact, abs=0.35)
        assert interpolate(table, FRAILTY_GRID[[3, 8, 12, 20]]) == pytest.approx(table[[3, 8, 12, 20], range(4)])


def test_systematic_draws_take_each_particle_as_often_as_its_weight_says() -> None:
    weight = np.array([0.5, 0.25, 0.125, 0.125])
    taken = np.bincount(systematic(weight, 800, np.random.default_rng(0)), minlength=4)
    assert np.abs(taken - 800 * weight).max() <= 1
