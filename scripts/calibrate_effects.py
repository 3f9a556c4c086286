"""Write data/effects/reference_trial.csv and worsening_surface.csv, on which the full effects of therapies are solved.

The reference trial are untreated persons of the generator who fit the entry criteria of trials of relapsing MS
(``clams_dash.cohort.trial.trial_like``). For a sample of them the file holds what may modify effects and the untreated
rates of relapses, new T2 lesions and progression. The surface is the cumulative hazard of a true confirmed worsening
within 24 months when relapses and progression occur at given fractions of their untreated rates, over the untreated
one. Run it again whenever the natural history in generator.toml changes; the acceptance tests tell.

    uv run python scripts/calibrate_effects.py
"""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np

from clams_dash.cohort.disease import lesion_rate, progression_rate, relapse_rate
from clams_dash.cohort.disease_state import features_of
from clams_dash.cohort.parameters import Parameters, load_parameters
from clams_dash.cohort.reference import FEATURE_COLUMNS, RATE_COLUMNS, REFERENCE_FILE, SURFACE_COLUMNS, SURFACE_FILE
from clams_dash.cohort.sections import EFFECTS_DIR
from clams_dash.cohort.trial import Start, confirmed_worsening, follow, natural_start
from clams_dash.cohort.worlds import World, untreated_world

PERSONS, ROWS, SEED, MONTHS = 60_000, 600, 20_260, 31
RELAPSE_RATIOS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2)
PROGRESSION_RATIOS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.6)


def main() -> None:
    """Simulate, measure, write."""
    parameters = load_parameters()
    world = untreated_world(parameters)
    start = natural_start(PERSONS, world, parameters, np.random.SeedSequence(SEED))

    write_persons(start, world, parameters)
    write_surface(start, world, parameters)


def write_persons(start: Start, world: World, parameters: Parameters) -> None:
    """The sample of persons with their rates."""
    rows = np.random.default_rng(SEED).choice(len(start), ROWS, replace=False)
    some = start.take(rows)
    everyone = np.arange(ROWS)
    features = features_of(some.state, some.people, some.age, everyone, np.zeros(ROWS, dtype=np.bool_))
    rates = (
        relapse_rate(some.state, some.people, some.age, world, parameters),
        lesion_rate(some.state, some.people, some.age, parameters),
        progression_rate(some.state, some.people, some.age, world, parameters),
    )
    path = EFFECTS_DIR / REFERENCE_FILE
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow([*FEATURE_COLUMNS, *RATE_COLUMNS])
        columns = [*(getattr(features, name) for name in FEATURE_COLUMNS), *rates]
        writer.writerows([f"{value:.4g}" for value in row] for row in zip(*columns, strict=True))
    print(f"{path}: {ROWS} of {len(start)} persons")


def write_surface(start: Start, world: World, parameters: Parameters) -> None:
    """The ratio of worsening by ratios of relapses and of progression."""

    def hazard(relapse_ratio: float, progression_ratio: float) -> float:
        people = replace(
            start.people,
            frailty=start.people.frailty * relapse_ratio,
            progression_frailty=start.people.progression_frailty * progression_ratio,
        )
        seeds = np.random.SeedSequence(SEED + 1)
        arm = follow(Start(people, start.state), 0, MONTHS, world, parameters, seeds)
        return float(-np.log(np.mean(confirmed_worsening(arm) < 0)))

    whole = hazard(1.0, 1.0)
    path = EFFECTS_DIR / SURFACE_FILE
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(SURFACE_COLUMNS)
        for relapse in RELAPSE_RATIOS:
            for progression in PROGRESSION_RATIOS:
                writer.writerow([relapse, progression, f"{hazard(relapse, progression) / whole:.4f}"])
    print(f"{path}: cumulative hazard over 24 months untreated {whole:.3f}, without relapses {hazard(0.0, 1.0):.3f}")


if __name__ == "__main__":
    main()
