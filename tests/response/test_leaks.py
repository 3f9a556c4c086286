"""Columns that give the outcome away are named: on made-up tables and on real people with a first event."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clams_dash.response import fit_effects
from clams_dash.response.leaks import LeakSuspected, leaks
from clams_dash.response.scores import auroc, calibration_line

FIRST_EVENTS = Path(os.environ.get("CLAMS_REAL_DATA", "../shared/data")) / "cis_to_cdms" / "cis_ms_full.csv"
LEAKY = ["ID", "Initial_EDSS", "Final_EDSS"]


@pytest.fixture
def first_events():
    if not FIRST_EVENTS.is_file():
        pytest.skip("the table of first demyelinating events is not here")
    return pd.read_csv(FIRST_EVENTS, index_col=0)


def table(rows: int = 400):
    random = np.random.default_rng(0)
    features = random.normal(size=(rows, 3))
    return features, (features[:, 0] + random.normal(size=rows) > 0).astype(float)


def test_honest_columns_are_not_suspected():
    features, y = table()
    assert leaks(features, y, ["a", "b", "c"]) == ()


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_value_that_tells_the_outcome_is_named(direction):
    features, y = table()
    features[:, 1] = direction * y + 0.1 * features[:, 1]
    assert [(one.column, one.by) for one in leaks(features, y, ["a", "b", "c"])] == [("b", "value")]


def test_gap_that_tells_the_outcome_is_named_though_the_values_do_not():
    features, y = table()
    features[y == 1, 2] = np.nan
    assert [(one.column, one.by) for one in leaks(features, y, ["a", "b", "c"])] == [("c", "missingness")]


@pytest.mark.real_data
def test_disability_scored_in_converters_only_and_the_running_number_trip_the_check(first_events):
    y = (first_events["group"] == 1).to_numpy(float)
    columns = first_events.drop(columns="group")
    found = leaks(columns.to_numpy(float), y, list(columns))
    assert {one.column for one in found} == set(LEAKY)
    assert {one.by for one in found if "EDSS" in one.column} == {"missingness"}


@pytest.mark.real_data
def test_fit_on_a_leaking_column_warns(first_events):
    y = (first_events["group"] == 1).to_numpy(float)
    with pytest.warns(LeakSuspected, match="x1"):
        fit_effects(first_events[["Age", "Final_EDSS"]].to_numpy(float), np.zeros(len(y)), y)


@pytest.mark.real_data
def test_conversion_to_ms_is_predicted_as_well_as_published_and_calibrated(first_events):
    """Five folds once; ``scripts/response_acceptance.py first-events`` repeats them twenty times."""
    y = (first_events["group"] == 1).to_numpy(float)
    features = first_events.drop(columns=[*LEAKY, "group"]).to_numpy(float)
    fold = np.random.default_rng(1).permutation(np.arange(len(y)) % 5)
    risk = np.empty(len(y))
    for out in range(5):
        model = fit_effects(features[fold != out], np.zeros(int((fold != out).sum())), y[fold != out], seed=out)
        risk[fold == out] = model.predict(features[fold == out]).risk[:, 0]
    assert auroc(y, risk, np.ones(len(y))) > 0.88
    assert 0.8 < calibration_line(y, risk, np.ones(len(y)))[1] < 1.25
