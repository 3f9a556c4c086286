"""A parameter file that cannot be right is refused by file and key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clams_dash.cohort.drugs import load_drugs, load_lab_effects
from clams_dash.cohort.parameters import EFFECTS_DIR, GENERATOR_FILE, load_parameters
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
        ("rate_per_year = 0.71", 'rate_per_year = "often"', "[relapse] rate_per_year"),
        ("rate_per_year = 0.71\n", "", "[relapse] rate_per_year is missing"),
        ("rate_per_year = 0.71", "rate_per_yaer = 0.71", "[relapse] rate_per_yaer is unknown"),
        ("acute_steps = [1, 3, 5]", "acute_steps = [1, 3]", "[relapse] acute_steps must have 3"),
        ("data_date = 2026-06-30", "data_date = 1990-06-30", "last_entry must lie before data_date"),
        ("[brain]", "[brian]", "unknown section [brian]"),
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


def test_every_section_names_its_source() -> None:
    text = GENERATOR_FILE.read_text(encoding="utf-8")
    assert text.count("\nsource = ") == text.count("\n[")


def test_drawn_effects_scatter_around_the_published_points_within_their_intervals() -> None:
    points = load_drugs(None).arr_ratio
    drawn = np.array([load_drugs(np.random.default_rng(seed)).arr_ratio for seed in range(200)])
    assert np.allclose(np.median(drawn[:, 1:], axis=0), points[1:], rtol=0.06)
    assert (drawn[:, 0] == 1.0).all()
