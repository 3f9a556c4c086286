"""A parameter file that cannot be right is refused by file and key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clams_dash.cohort.drugs import load_drugs, load_lab_effects
from clams_dash.cohort.parameters import load_parameters
from clams_dash.cohort.sections import EFFECTS_DIR
from clams_dash.cohort.simulate import simulate_cohort
from clams_dash.cohort.worlds import make_world
from clams_dash.errors import FactsError


def altered(folder: Path, name: str, old: str, new: str) -> Path:
    """A copy of the effects folder in which one text of one file is replaced."""
    for file in EFFECTS_DIR.glob("*.*"):
        text = file.read_text(encoding="utf-8")
        if file.name == name:
            assert old in text
            text = text.replace(old, new, 1)
        (folder / file.name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ppms_share = 0.12", "ppms_share = 1.2", "[cohort] ppms_share"),
        ("rate_per_year = 0.66", 'rate_per_year = "often"', "[relapse] rate_per_year"),
        ("rate_per_year = 0.66\n", "", "[relapse] rate_per_year is missing"),
        ("rate_per_year = 0.66", "rate_per_yaer = 0.71", "[relapse] rate_per_yaer is unknown"),
        ("acute_steps = [1, 3, 5]", "acute_steps = [1, 3]", "[relapse] acute_steps must have 3"),
        ("data_date = 2026-06-30", "data_date = 1990-06-30", "last_entry must lie before data_date"),
        ("[brain]", "[brian]", "unknown section [brian]"),
        ("pira_per_year = ", "pira_per_year = -", "[disability] pira_per_year"),
        ("severity_shares = [0.45", "severity_shares = [0.65", "[relapse] severity_shares must sum to 1"),
        ("centre_escalation = [0.3, ", "centre_escalation = [", "[treatment] centre_escalation must have one value"),
    ],
)
def test_an_impossible_entry_is_named(tmp_path: Path, old: str, new: str, told: str) -> None:
    folder = altered(tmp_path, "generator.toml", old, new)
    with pytest.raises(FactsError) as refused:
        load_parameters(folder / "generator.toml")
    assert told in str(refused.value)
    assert "generator.toml" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("dmt_effects.csv", "natalizumab,0.31", "natalizumab,9", "arr_ratio"),
        ("dmt_effects.csv", "natalizumab,0.31", "natalizumab,0.99", "arr_ratio does not lie between"),
        ("dmt_use.csv", "ocrelizumab,2018", "ocrelizumab,2001", "before the approval of ocrelizumab"),
        ("dmt_use.csv", "ocrelizumab,2018", "ocrelisumab,2018", "ocrelisumab"),
        ("lab_effects.csv", "untreated,none", "untreated,nothing", "none is in no group"),
    ],
)
def test_an_impossible_drug_fact_is_named(tmp_path: Path, name: str, old: str, new: str, told: str) -> None:
    folder = altered(tmp_path, name, old, new)
    with pytest.raises(FactsError) as refused:
        load_lab_effects(load_drugs(None, folder), folder)
    assert told in str(refused.value)
    assert name in str(refused.value)


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("families.toml", 'classes = ["anti_alpha4"]', 'classes = ["anti_alpha5"]', "[smooth] terms 2 classes"),
        ("families.toml", 'feature = "activity"', 'feature = "mood"', "[smooth] terms 1 factors 1 feature = 'mood'"),
        ("families.toml", "weight = 0.20", "weight = 20.0", "[smooth] terms 1 weight = 20.0 is impossible"),
        ("families.toml", "zero_age = 53.0", 'zero_age = "late"', "[smooth] age_rule zero_age"),
        ("scenarios.toml", "heterogeneity = 1.0", "heterogeneity = -1.0", "[default] heterogeneity = -1.0"),
        ("scenarios.toml", '"Castell Day Hospital"', '"Nowhere"', "[shifted_centre] shifted_centre = 'Nowhere'"),
        ("scenarios.toml", "choice_sharpness = 1.0\n", "", "[default] choice_sharpness is missing"),
        ("reference_trial.csv", "age,female", "agee,female", "row 2, age is missing"),
        ("worsening_surface.csv", "0.0,0.0,", "0.0,0.0,-", "row 2, worsening_ratio = -"),
    ],
)
def test_an_impossible_world_is_named(tmp_path: Path, name: str, old: str, new: str, told: str) -> None:
    folder = altered(tmp_path, name, old, new)
    with pytest.raises(FactsError) as refused:
        make_world(load_parameters(), None, folder=folder)
    assert told in str(refused.value)
    assert name in str(refused.value)


@pytest.mark.parametrize(
    ("family", "scenario", "file"), [("smoth", "default", "families.toml"), ("smooth", "nul", "scenarios.toml")]
)
def test_an_unknown_family_or_scenario_is_refused_with_those_known(family: str, scenario: str, file: str) -> None:
    with pytest.raises(FactsError, match="known are") as refused:
        simulate_cohort(10, 1, family=family, scenario=scenario)
    assert file in str(refused.value)


@pytest.mark.parametrize("name", ["generator.toml", "families.toml", "scenarios.toml"])
def test_every_section_names_its_source(name: str) -> None:
    text = (EFFECTS_DIR / name).read_text(encoding="utf-8")
    assert text.count("\nsource = ") == text.count("\n[")


def test_drawn_effects_scatter_around_the_published_points_within_their_intervals() -> None:
    points = load_drugs(None).arr_ratio
    drawn = np.array([load_drugs(np.random.default_rng(seed)).arr_ratio for seed in range(200)])
    assert np.allclose(np.median(drawn[:, 1:], axis=0), points[1:], rtol=0.06)
    assert (drawn[:, 0] == 1.0).all()
