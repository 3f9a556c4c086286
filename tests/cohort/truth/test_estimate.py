"""Averages over futures: what control variates may change (the error) and may not (the mean)."""

from __future__ import annotations

import numpy as np
import pytest

from clams_dash.cohort.truth.estimate import Average, regressed_means

DRAWS = 4000


def test_a_control_that_explains_the_outcome_takes_most_of_the_error_and_leaves_the_mean() -> None:
    rng = np.random.default_rng(0)
    control = rng.normal(size=(1, DRAWS))
    outcome = 0.3 + control + 0.1 * rng.normal(size=(1, DRAWS))
    mean, error = regressed_means(outcome, control)
    plain = outcome.std() / np.sqrt(DRAWS)
    assert mean[0] == pytest.approx(0.3, abs=4 * error[0])
    assert error[0] < 0.12 * plain


def test_a_control_whose_event_never_came_does_not_carry_the_mean_away() -> None:
    """Its sum is minus the small chance in every draw: nearly a constant, from which nothing can be learned."""
    rng = np.random.default_rng(1)
    outcome = (rng.random((1, DRAWS)) < 0.2).astype(float)
    control = -0.001 - 1e-6 * rng.random((1, DRAWS))
    mean, error = regressed_means(outcome, control)
    assert mean[0] == pytest.approx(outcome.mean(), abs=1e-3)
    assert error[0] == pytest.approx(outcome.std() / np.sqrt(DRAWS), rel=0.01)


def test_a_rare_event_that_missed_all_draws_does_not_shift_what_goes_with_its_chance() -> None:
    """Expected in two draws, seen in none: its control is minus a chance that differs between hidden states."""
    rng = np.random.default_rng(5)
    chance = 0.0005 * rng.gamma(1.0, 4.0, DRAWS)
    outcome = (0.05 + 20.0 * chance)[None, :]
    mean, _ = regressed_means(outcome, -chance[None, :])
    assert mean[0] == pytest.approx(outcome.mean(), rel=0.02)


def test_the_stated_error_is_the_spread_of_repeated_estimates() -> None:
    rng = np.random.default_rng(2)
    means, errors = [], []
    for _ in range(300):
        happened = rng.random(256) < 0.1
        control = happened[None, :].astype(np.float64) - 0.1
        outcome = (happened & (rng.random(256) < 0.7))[None, :].astype(np.float64)
        mean, error = regressed_means(outcome, control)
        means.append(mean[0])
        errors.append(error[0])
    assert np.mean(means) == pytest.approx(0.07, abs=0.002)
    assert np.std(means) == pytest.approx(np.mean(errors), rel=0.15)


def test_rounds_of_some_arms_sharpen_those_arms_alone() -> None:
    rng = np.random.default_rng(3)
    average = Average.none(1, 2)
    for arms in (np.array([0, 1]), np.array([1]), np.array([1])):
        outcomes = (rng.random((1, len(arms), 1000)) < 0.5).astype(float)
        average.add(arms, outcomes, np.zeros((1, len(arms), 1000)))
    assert average.rounds.tolist() == [1, 3]
    assert average.error[0, 1] == pytest.approx(average.error[0, 0] / np.sqrt(3), rel=0.02)
