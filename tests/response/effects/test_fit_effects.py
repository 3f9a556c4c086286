"""``fit_effects`` finds effects it was not told of, says how sure it is, and refuses what it cannot learn from."""

from __future__ import annotations

import numpy as np
import pytest

from clams_dash.errors import TrainingRefused
from clams_dash.response import ArmPrior, fit_effects
from clams_dash.response.scores import calibration_line
from tests.response.effects.made_up import made_up

TRAIN, TEST = slice(0, 1_200), slice(1_200, None)


@pytest.fixture(scope="module")
def two_arms():
    return made_up("linear", 2_400, 3)


@pytest.fixture(scope="module")
def numbers():
    return made_up("linear", 2_400, 4, binary=False, arms=3)


def fitted(table, **choices):
    return fit_effects(table.features, table.arm, table.y, **choices)


@pytest.fixture(scope="module")
def binary_model(two_arms):
    return fitted(two_arms.part(TRAIN))


@pytest.fixture(scope="module")
def number_model(numbers):
    return fitted(numbers.part(TRAIN), outcome="continuous")


def test_risks_are_near_the_truth_under_both_arms(binary_model, two_arms):
    test = two_arms.part(TEST)
    found = binary_model.predict(test.features)
    assert found.risk.shape == test.mean.shape
    for arm in range(2):
        assert np.corrcoef(found.risk[:, arm], test.mean[:, arm])[0, 1] > 0.9
    error = np.sqrt(np.mean((found.risk - test.mean) ** 2))
    assert error < 0.5 * test.mean.std()


def test_differences_between_people_are_found_where_they_are(binary_model, two_arms):
    """Better than one average effect for all, which would score 1."""
    test = two_arms.part(TEST)
    truth = test.mean[:, 1] - test.mean[:, 0]
    found = binary_model.predict(test.features).contrast(1, 0)
    assert np.sqrt(np.mean((found.estimate - truth) ** 2)) < 0.75 * truth.std()


def test_confounding_by_what_is_recorded_is_undone(two_arms, binary_model):
    truth = (two_arms.mean[:, 1] - two_arms.mean[:, 0]).mean()
    naive = two_arms.y[two_arms.arm == 1].mean() - two_arms.y[two_arms.arm == 0].mean()
    found = binary_model.predict(two_arms.features).contrast(1, 0).estimate.mean()
    assert abs(found - truth) < 0.05
    assert abs(found - truth) < 0.6 * abs(naive - truth)


def test_counterfactual_risks_are_calibrated(binary_model, two_arms):
    test = two_arms.part(TEST)
    risk = binary_model.predict(test.features).risk
    for arm in range(2):
        _, slope = calibration_line(test.mean[:, arm], risk[:, arm], np.ones(len(risk)))
        assert 0.75 < slope < 1.3


def test_intervals_of_risks_and_differences_hold_the_truth(binary_model, two_arms):
    test = two_arms.part(TEST)
    found = binary_model.predict(test.features)
    assert (found.low <= found.risk).all()
    assert (found.risk <= found.high).all()
    assert 0.75 < np.mean((found.low <= test.mean) & (test.mean <= found.high)) <= 1.0
    truth, contrast = test.mean[:, 1] - test.mean[:, 0], found.contrast(1, 0)
    assert 0.75 < np.mean((contrast.low <= truth) & (truth <= contrast.high)) <= 1.0


def test_contrast_turns_round_and_an_arm_does_not_differ_from_itself(number_model, numbers):
    found = number_model.predict(numbers.features[:50])
    there, back = found.contrast(2, 1), found.contrast(1, 2)
    np.testing.assert_allclose(there.estimate, -back.estimate)
    np.testing.assert_allclose(there.low, -back.high)
    assert not np.any(found.contrast(1, 1))


def test_arm_that_was_not_in_training_is_named(binary_model, two_arms):
    with pytest.raises(ValueError, match="arm 7 was not in training"):
        binary_model.predict(two_arms.features[:3]).contrast(7, 0)


def test_mean_of_a_number_and_the_range_of_a_new_observation(number_model, numbers):
    test = numbers.part(TEST)
    found = number_model.predict(test.features)
    assert np.sqrt(np.mean((found.risk - test.mean) ** 2)) < 0.35 * test.mean.std()
    own = np.arange(len(test.y)), test.arm
    within = (found.predictive_low[own] <= test.y) & (test.y <= found.predictive_high[own])
    assert 0.86 < within.mean() < 0.94
    assert (found.predictive_high - found.predictive_low > found.high - found.low).all()


def test_binary_outcome_has_no_range_of_observations(binary_model, two_arms):
    assert binary_model.predict(two_arms.features[:3]).predictive_low is None


def test_propensities_add_up_and_follow_the_truth(number_model, numbers):
    found = number_model.predict(numbers.features).propensity
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    for arm in range(3):
        assert np.corrcoef(found[:, arm], numbers.propensity[:, arm])[0, 1] > 0.7


def test_same_seed_same_model_and_unit_of_the_outcome_does_not_matter():
    table = made_up("smooth", 300, 5, binary=False)
    first = fitted(table, outcome="continuous", seed=4).predict(table.features)
    again = fitted(table, outcome="continuous", seed=4).predict(table.features)
    np.testing.assert_array_equal(first.risk, again.risk)
    np.testing.assert_array_equal(first.low, again.low)
    other = fit_effects(table.features, table.arm, 100.0 * table.y - 7.0, outcome="continuous", seed=4)
    np.testing.assert_allclose(other.predict(table.features).risk, 100.0 * first.risk - 7.0, rtol=1e-6)


def test_arms_keep_their_labels():
    table = made_up("same", 300, 6)
    model = fit_effects(table.features, np.where(table.arm == 1, 40, 7), table.y)
    assert model.arms == (7, 40)
    here = model.predict(table.features)
    np.testing.assert_allclose(here.contrast(40, 7).estimate, here.risk[:, 1] - here.risk[:, 0])


def test_evidence_moves_an_arm_the_more_the_surer_it_is():
    """Few rows, and evidence that the second arm halves the odds."""
    table = made_up("same", 120, 7)
    means = []
    for se in (10.0, 0.3, 0.01):
        prior = ArmPrior({1: -2.0}, {1: se})
        means.append(fitted(table, arm_prior=prior).predict(table.features).contrast(1, 0).estimate.mean())
    assert means[0] > means[1] > means[2]


def test_one_arm_gives_prognoses():
    table = made_up("linear", 300, 8)
    model = fit_effects(table.features, np.zeros(300), table.y)
    assert model.predict(table.features).risk.shape == (300, 1)


def test_feature_that_is_never_known_and_rows_without_any_do_no_harm(two_arms):
    features = two_arms.features[:300].copy()
    features[:, 5] = np.nan
    features[:3] = np.nan
    found = fit_effects(features, two_arms.arm[:300], two_arms.y[:300]).predict(np.full((2, 10), np.nan))
    assert np.isfinite(found.risk).all()


def test_rows_of_one_group_are_never_split():
    from clams_dash.response.effects.losses import dealt_folds

    groups = np.repeat(np.arange(40), 3)
    random = np.random.default_rng(0)
    folds = dealt_folds(groups, groups % 2, random.random(120), 5, random)
    assert all(len(np.unique(folds[groups == one])) == 1 for one in range(40))
    assert np.bincount(folds).tolist() == [24] * 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"X": np.zeros((20, 2))}, "20 rows; at least 30"),
        ({"X": np.zeros(40)}, "must have rows"),
        ({"X": [["a", "b"]] * 40}, "not a table of numbers"),
        ({"X": np.full((40, 2), np.inf)}, "infinite value in row 0, feature 0"),
        ({"treatment": np.full(40, 0.5)}, "whole numbers"),
        ({"treatment": np.zeros(39)}, "treatment: has shape"),
        ({"y": np.zeros(40)}, "0 rows of the rarer outcome"),
        ({"y": np.full(40, 2.0)}, "0 or 1"),
        ({"y": np.full(40, np.nan)}, "missing or infinite in 40 rows"),
        ({"groups": np.zeros(3)}, "groups: has shape"),
        ({"outcome": "survival"}, "'survival' is unknown"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_by_name(change, reason):
    given = {"X": np.zeros((40, 2)), "treatment": np.arange(40) % 2, "y": np.arange(40) % 2, **change}
    if len(np.shape(given["X"])) == 2 and len(given["X"]) == 20:
        given |= {"treatment": np.arange(20) % 2, "y": np.arange(20) % 2}
    with pytest.raises(TrainingRefused, match=reason):
        fit_effects(given.pop("X"), given.pop("treatment"), given.pop("y"), **given)


def test_another_number_of_features_is_refused(binary_model):
    with pytest.raises(ValueError, match="3 features, 10 were fitted"):
        binary_model.predict(np.zeros((2, 3)))
