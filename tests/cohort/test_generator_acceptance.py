"""The acceptance list of clinical.md 5.4; printed as a table by scripts/cohort_acceptance.py."""

from __future__ import annotations

import numpy as np
import pytest

from clams_dash.cohort.acceptance import (
    Check,
    natural_history,
    randomised_effects,
    recorded,
    resized,
    trial_population,
)
from clams_dash.cohort.parameters import load_parameters
from clams_dash.cohort.simulate import simulate_cohort, world_of
from clams_dash.cohort.trial import natural_start


def missed(checks: list[Check]) -> list[str]:
    return [f"{check.target}: {check.obtained:.3f}" for check in checks if not check.passed]


def test_a_small_cohort_is_near_the_targets() -> None:
    """5,000 persons; the table of 20,000 and the arms of all drugs are in the slow tests."""
    parameters = load_parameters()
    world = world_of(1, parameters)
    start = natural_start(10_000, world, parameters, np.random.SeedSequence(1))
    checks = list(trial_population(start, world, parameters, 1))
    assert len(checks) == 8
    assert missed(checks) == []


@pytest.mark.slow
def test_courses_and_tables_of_twenty_thousand_are_within_the_published_limits() -> None:
    parameters = load_parameters()
    world = world_of(1, parameters)
    start = natural_start(40_000, world, parameters, np.random.SeedSequence(1))
    checks = [
        *trial_population(start, world, parameters, 1),
        *natural_history(40_000, world, parameters, 1),
        *recorded(simulate_cohort(20_000, 1)),
    ]
    assert len(checks) == 17
    assert missed(checks) == []


@pytest.mark.slow
@pytest.mark.parametrize("family", ["smooth", "threshold", "interaction"])
def test_every_drug_on_twenty_thousand_per_arm_gives_back_its_inputs(family: str) -> None:
    parameters = load_parameters()
    world = world_of(1, parameters, family=family)
    start = resized(natural_start(40_000, world, parameters, np.random.SeedSequence(1)), 20_000)
    checks = list(randomised_effects(start, world, parameters, 1))
    assert len(checks) == 3 * (len(world.drugs.names) - 1)
    assert missed(checks) == []
