"""The learner finds what is there, does not find what is not, and stays calibrated on people it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from clams_dash.response.arms import Arms
from clams_dash.response.boosting import TreePlan, best_rounds, fit_trees, tree_margin, tree_rows
from clams_dash.response.features import feature_names, features
from clams_dash.response.learner import Rows, Task, fit_outcome, person_folds
from clams_dash.response.logistic import expit
from clams_dash.response.offset import Anchor, Preparation, Prior, fit_linear
from clams_dash.response.scores import auroc

PLAIN = Arms.catalogued(tiers=["high", "platform"], classes=["anti_cd20", "interferon"], modelled=["ocrelizumab"])


def rows_of(decisions: int, seed: int, *, signal: float) -> Rows:
    """Decisions of which relapses and age matter as much as ``signal`` says, with ocrelizumab halving the odds."""
    random = np.random.default_rng(seed)
    raw = random.normal(size=(decisions, len(feature_names())))
    relapses = random.poisson(0.8, decisions).astype(float)
    raw[:, feature_names().index("relapses_24m")] = relapses
    raw[random.random(raw.shape) < 0.1] = np.nan
    arm = random.choice(
        [PLAIN.names.index(name) for name in ("none", "interferon_beta_1a_sc", "ocrelizumab")], decisions
    )
    logit = -0.5 + signal * (relapses - 0.8) - 0.7 * (arm == PLAIN.names.index("ocrelizumab"))
    y = (random.random(decisions) < expit(logit)).astype(float)
    return Rows(raw, arm.astype(np.int64), y, np.ones(decisions), np.arange(decisions, dtype=np.int64) // 2)


def test_folds_keep_a_persons_decisions_together_and_are_of_even_size():
    person = np.repeat(np.arange(50), 3)
    folds = person_folds(person, 5, np.random.default_rng(0))
    assert all(len(np.unique(folds[person == one])) == 1 for one in range(50))
    assert np.bincount(folds).tolist() == [30] * 5


def test_model_discriminates_and_is_calibrated_on_people_left_out(quick_rules):
    _, figures = fit_outcome(Task("relapse", PLAIN, quick_rules, 0), rows_of(900, 0, signal=1.0))
    model = figures["cross_validated"]["model"]
    assert model["auroc"] > 0.65
    assert 0.7 < model["calibration_slope"] < 1.4
    assert 0.9 < model["observed_expected"] < 1.1
    assert model["log_loss"] < figures["cross_validated"]["constant"]["log_loss"] - 0.01


def test_noise_is_not_taken_for_signal(quick_rules):
    rows = rows_of(600, 1, signal=0.0)
    noise = Rows(rows.raw, np.full(len(rows.y), PLAIN.names.index("none")), rows.y, rows.weights, rows.person)
    _, figures = fit_outcome(Task("relapse", PLAIN, quick_rules, 0), noise)
    assert abs(figures["cross_validated"]["model"]["auroc"] - 0.5) < 0.08


def test_use_of_the_trees_follows_their_cross_validated_gain(quick_rules):
    for seed in (0, 1):
        model, figures = fit_outcome(Task("relapse", PLAIN, quick_rules, seed), rows_of(500, seed, signal=0.4))
        assert model.boosted is (figures["xgboost_gain_log_loss"] > 0)
        assert figures["xgboost_used"] is model.boosted


def test_trees_add_what_the_linear_part_cannot_say(quick_rules):
    rows = rows_of(1200, 2, signal=0.0)
    first, second = np.nan_to_num(rows.raw[:, 0]), np.nan_to_num(rows.raw[:, 5])
    y = (np.random.default_rng(2).random(len(rows.y)) < expit(2.0 * (np.abs(first) + np.abs(second) - 1.6))).astype(
        float
    )
    _, figures = fit_outcome(
        Task("relapse", PLAIN, quick_rules, 0), Rows(rows.raw, rows.arm, y, rows.weights, rows.person)
    )
    scores = figures["cross_validated"]
    assert figures["xgboost_used"]
    assert scores["boosted"]["auroc"] > scores["offset"]["auroc"] + 0.05


def test_arm_without_data_keeps_its_published_effect(quick_rules):
    rows = rows_of(800, 3, signal=0.5)
    preparation = Preparation.fit(rows.raw)
    anchor = Anchor.of("relapse", PLAIN, 0.4, quick_rules.offset)
    prior = Prior.of("relapse", preparation, PLAIN, quick_rules.offset, 0.3)
    fitted = fit_linear(
        preparation.columns(rows.raw), rows.arm, PLAIN.encode(rows.arm), rows.y, rows.weights, anchor, prior
    )
    unseen = np.array([PLAIN.names.index("fingolimod")])
    assert fitted.arm_logit(unseen, PLAIN.encode(unseen))[0] == pytest.approx(anchor.shift[unseen[0]])
    seen = np.array([PLAIN.names.index("ocrelizumab")])
    assert fitted.arm_logit(seen, PLAIN.encode(seen))[0] != pytest.approx(anchor.shift[seen[0]])


def test_resamples_spread_more_where_there_is_no_data(quick_rules):
    model, _ = fit_outcome(Task("relapse", PLAIN, quick_rules, 0), rows_of(800, 4, signal=0.5))

    def spread(name: str) -> float:
        arm = np.array([model.arms.names.index(name)])
        return float(np.std([draw.linear.arm_logit(arm, model.arms.encode(arm))[0] for draw in model.draws]))

    assert spread("rituximab") > spread("ocrelizumab")
    assert spread("none") == 0.0


def test_standardised_features_are_bounded_and_zero_where_missing():
    raw = rows_of(200, 5, signal=0.0).raw
    preparation = Preparation.fit(raw)
    extreme = np.full((1, raw.shape[1]), 1e9)
    assert np.abs(preparation.standardised(extreme)).max() <= 4.0
    measured = [feature.transform != "recency" for feature in features()]
    assert (preparation.standardised(np.full((1, raw.shape[1]), np.nan))[:, measured] == 0).all()
    assert np.isfinite(Preparation.fit(np.full((20, raw.shape[1]), np.nan)).columns(raw)).all()


def test_coarser_level_leaves_out_the_drugs_own_effect():
    arm = np.array([PLAIN.names.index("ocrelizumab")])
    columns = PLAIN.columns
    at = {level: dict(zip(columns, PLAIN.encode(arm, [level])[0], strict=True)) for level in ("dmt", "class", "tier")}
    assert at["dmt"] == {**dict.fromkeys(columns, 0.0), "tier:high": 1, "class:anti_cd20": 1, "dmt:ocrelizumab": 1}
    assert at["class"] == {**dict.fromkeys(columns, 0.0), "tier:high": 1, "class:anti_cd20": 1}
    assert at["tier"] == {**dict.fromkeys(columns, 0.0), "tier:high": 1}


def test_margin_given_by_hand_equals_xgboosts_own_base_margin(quick_rules):
    rows = rows_of(300, 6, signal=1.0)
    seen = tree_rows(rows.raw, rows.arm, PLAIN, np.zeros(len(PLAIN.names)), PLAIN.encode(rows.arm))
    margin = np.linspace(-2, 2, 300)
    plan = TreePlan.of("relapse", PLAIN, quick_rules.boosting, 0)
    booster = fit_trees(plan, seen, rows.y, rows.weights, margin, 20)
    theirs = booster.predict(plan.matrix(seen, margin), output_margin=True)
    np.testing.assert_allclose(tree_margin(booster, seen, margin), theirs, atol=1e-5)
    assert auroc(rows.y, tree_margin(booster, seen, np.zeros(300)), rows.weights) > 0.6


def test_number_of_rounds_stays_within_its_bounds(quick_rules):
    rows = rows_of(300, 7, signal=0.0)
    seen = tree_rows(rows.raw, rows.arm, PLAIN, np.zeros(len(PLAIN.names)), PLAIN.encode(rows.arm))
    folds = person_folds(rows.person, 3, np.random.default_rng(0))
    settings = quick_rules.boosting
    plan = TreePlan.of("worsening", PLAIN, settings, 0)
    found = best_rounds(plan, seen, rows.y, rows.weights, np.zeros(300), folds)
    assert settings.min_rounds <= found <= settings.max_rounds


def test_trees_never_lower_the_relapse_risk_for_more_activity(quick_rules):
    rows = rows_of(500, 8, signal=-0.6)
    seen = tree_rows(rows.raw, rows.arm, PLAIN, np.zeros(len(PLAIN.names)), PLAIN.encode(rows.arm))
    booster = fit_trees(
        TreePlan.of("relapse", PLAIN, quick_rules.boosting, 0), seen, rows.y, rows.weights, np.zeros(500), 60
    )
    for name in ("relapses_24m", "new_t2_last", "gd_lesions_last"):
        more = seen[:50].copy()
        more[:, feature_names().index(name)] = 0.0
        low = tree_margin(booster, more, np.zeros(50))
        more[:, feature_names().index(name)] = 5.0
        assert (tree_margin(booster, more, np.zeros(50)) >= low).all()


def test_time_since_relapse_counts_as_recency_and_never_as_none():
    position = feature_names().index("years_since_relapse")
    raw = np.zeros((4, len(feature_names())))
    raw[:, position] = [0.0, 1.0, 20.0, np.nan]
    recency = Preparation.fit(raw).standardised(raw)[:, position]
    assert (np.diff(recency) < 0).all()
