"""Print what the cohort generator must reproduce, with sources, limits and what was obtained (exit 1 if one is missed).

uv run python scripts/cohort_acceptance.py [--persons 20000] [--family smooth] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

import numpy as np

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


def main() -> int:
    """Run all checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--family", default="smooth")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    parameters = load_parameters()
    world = world_of(asked.seed, parameters, family=asked.family)
    start = natural_start(2 * asked.persons, world, parameters, np.random.SeedSequence(asked.seed))
    print("| target | source | limits | obtained | |\n|---|---|---|---|---|")
    missed = shown(trial_population(start, world, parameters, asked.seed))
    missed += shown(natural_history(asked.persons, world, parameters, asked.seed))
    missed += shown(recorded(simulate_cohort(asked.persons, asked.seed, family=asked.family)))
    missed += shown(randomised_effects(resized(start, asked.persons), world, parameters, asked.seed))
    print(f"\n{missed} missed" if missed else "\nall within their limits")
    return 1 if missed else 0


def shown(checks: Iterable[Check]) -> int:
    """Print lines; the number of missed ones."""
    missed = 0
    for check in checks:
        mark = "ok" if check.passed else "MISSED"
        print(
            f"| {check.target} | {check.source} | {check.low:.3g} to {check.high:.3g} | {check.obtained:.3f} | {mark} |"
        )
        missed += not check.passed
    return missed


if __name__ == "__main__":
    sys.exit(main())
