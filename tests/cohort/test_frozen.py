"""The generator that models are scored against must not drift."""

from __future__ import annotations

from clams_dash.cohort.frozen import frozen_digest, generator_digest, generator_files


def test_the_generator_is_the_one_that_was_frozen() -> None:
    assert generator_digest() == frozen_digest(), (
        "sources or parameters of the synthetic cohort changed; if that is meant, freeze it anew in a commit of its "
        "own that says why (data/effects/frozen.sha256, python -m clams_dash.cohort.frozen) and score all models again"
    )


def test_the_digest_covers_disease_therapies_observation_and_truth_and_not_the_drawing_of_scans() -> None:
    names = {file.name for file in generator_files()}
    assert {
        "disease.py",
        "policy.py",
        "laboratory.py",
        "scans.py",
        "particles.py",
        "generator.toml",
        "scanners.csv",
    } <= names
    assert {"dmt_effects.csv", "families.toml", "scenarios.toml", "burden.csv"} <= names
    assert not any("phantom" in name for name in names)
