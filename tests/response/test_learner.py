"""The learner finds what is there, does not find what is not, and stays calibrated on people it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from clams_dash.response.arms import Arms
from clams_dash.response.effects.design import Rows
from clams_dash.response.features import feature_names, features
from clams_dash.response.learner import Decided, OutcomeModel, Task, fit_comparator, fit_outcome, transforms
from clams_dash.response.logistic import expit
from clams_dash.response.preparation import Preparation

PLAIN = Arms.catalogued(tiers=["high", "platform"], classes=["anti_cd20", "interferon"], modelled=["ocrelizumab"])
NONE, INTERFERON, OCRELIZUMAB, FINGOLIMOD = (
    PLAIN.names.index(name) for name in ("none", "interferon_beta_1a_sc", "ocrelizumab", "fingolimod")
)


def decided(rows: int, seed: int, *, signal: float, differing: float = 0.0) -> Decided:
    """Decisions for which relapses matter as much as ``signal`` says, with ocrelizumab halving the odds.

    ``differing`` lets the effect of ocrelizumab depend on age.
    """
    random = np.random.default_rng(seed)
    raw = random.normal(size=(rows, len(feature_names())))
    relapses = random.poisson(0.8, rows).astype(float)
    raw[:, feature_names().index("relapses_24m")] = relapses
    age = raw[:, feature_names().index("age_years")].copy()
    raw[random.random(raw.shape) < 0.1] = np.nan
    arm = random.choice([NONE, INTERFERON, OCRELIZUMAB], rows)
    logit = -0.5 + signal * (relapses - 0.8) - (0.7 + differing * age) * (arm == OCRELIZUMAB)
    chances = np.full((rows, len(PLAIN.names)), 1e-6)
    chances[:, [NONE, INTERFERON, OCRELIZUMAB]] = 1 / 3
    return Decided(
        raw,
        arm.astype(np.int64),
        np.full(rows, NONE, dtype=np.int64),
        (random.random(rows) < expit(logit)).astype(float),
        np.ones(rows),
        np.arange(rows, dtype=np.int64) // 2,
        chances,
    )


@pytest.fixture
def task(quick_rules):
    return Task("relapse", PLAIN, quick_rules, 0)


def under(model: OutcomeModel, arm: int, people: int = 1) -> Rows:
    """People of whom nothing is known, under an arm."""
    raw = np.full((people, len(feature_names())), np.nan)
    codes = np.full(people, arm, dtype=np.int64)
    return model.rows(raw, np.full(people, NONE, dtype=np.int64), codes, model.fitted.design.main[codes])


def test_model_discriminates_and_is_calibrated_on_people_left_out(task):
    _, figures = fit_outcome(task, decided(900, 0, signal=1.0))
    model = figures["cross_validated"]["model"]
    assert model["auroc"] > 0.65
    assert 0.7 < model["calibration_slope"] < 1.4
    assert 0.9 < model["observed_expected"] < 1.1
    assert figures["losses"]["model"] < figures["losses"]["constant"] - 0.01


def test_noise_is_not_taken_for_signal(task):
    rows = decided(600, 1, signal=0.0)
    everyone = np.full(len(rows.y), NONE)
    noise = Decided(rows.raw, everyone, rows.present, rows.y, rows.weights, rows.person, rows.propensity)
    _, figures = fit_outcome(task, noise)
    assert abs(figures["cross_validated"]["model"]["auroc"] - 0.5) < 0.08


def test_trees_have_a_share_where_a_straight_line_cannot_say_it(task):
    rows = decided(1200, 2, signal=0.0)
    first, second = np.nan_to_num(rows.raw[:, 0]), np.nan_to_num(rows.raw[:, 5])
    chance = expit(2.0 * (np.abs(first) + np.abs(second) - 1.6))
    y = (np.random.default_rng(2).random(len(rows.y)) < chance).astype(float)
    model, figures = fit_outcome(
        task, Decided(rows.raw, rows.arm, rows.present, y, rows.weights, rows.person, rows.propensity)
    )
    assert model.boosted
    assert figures["losses"]["model"] < figures["losses"]["additive"] - 0.01


def test_arm_without_data_keeps_its_published_effect_and_is_less_sure(task):
    model, _ = fit_outcome(task, decided(1500, 3, signal=0.5))
    effect = {arm: model.fitted.margin(under(model, arm))[0] for arm in (NONE, OCRELIZUMAB, FINGOLIMOD)}
    published = model.anchor.shift[FINGOLIMOD]
    assert effect[FINGOLIMOD] - effect[NONE] == pytest.approx(published, abs=0.25)
    spread = {arm: model.fitted.draws(under(model, arm)).std() for arm in (OCRELIZUMAB, FINGOLIMOD)}
    assert spread[FINGOLIMOD] > spread[OCRELIZUMAB]


def test_gate_opens_where_people_differ_and_stays_closed_where_they_do_not(task):
    same, _ = fit_outcome(task, decided(1500, 4, signal=0.8))
    other, figures = fit_outcome(task, decided(3000, 5, signal=0.8, differing=1.2))
    assert not same.evidence.personal
    assert not any(one.heterogeneous for one in same.fitted.candidates)
    assert other.evidence.personal
    assert figures["personal"]["p_value"] < 0.005


def test_gate_seldom_opens_by_chance(task):
    """At a level of 0.5 % each, twelve tables without differences open at most once (probability of more: 0.002)."""
    opened = [fit_outcome(task, decided(400, seed, signal=0.8))[0].evidence.personal for seed in range(20, 32)]
    assert sum(opened) <= 1


def test_comparator_pinned_to_the_evidence_learns_nothing_of_the_arms(task):
    rows = decided(800, 6, signal=0.5)
    fitted, _ = fit_comparator(task, rows, pinned=True)
    model, _ = fit_outcome(task, rows)
    margins = {}
    for arm in (NONE, OCRELIZUMAB):
        here = under(model, arm)
        pinned = Rows(here.raw, here.columns, here.smooth, here.arm, here.context, fitted.design.main[here.arm])
        margins[arm] = fitted.margin(pinned)[0]
    slope = fitted.slope
    assert margins[OCRELIZUMAB] - margins[NONE] == pytest.approx(slope * model.anchor.shift[OCRELIZUMAB], abs=0.01)


def test_relapse_risk_never_falls_with_more_activity(task):
    model, _ = fit_outcome(task, decided(800, 7, signal=-0.6))
    raw = np.zeros((2, len(feature_names())))
    raw[1, feature_names().index("relapses_24m")] = 5.0
    codes = np.full(2, NONE, dtype=np.int64)
    low, high = model.fitted.margin(model.rows(raw, codes, codes, model.fitted.design.main[codes]))
    assert high >= low - 1e-6


def test_standardised_features_are_bounded_and_zero_where_missing():
    raw = decided(200, 8, signal=0.0).raw
    preparation = Preparation.fit(raw, transforms())
    extreme = np.full((1, raw.shape[1]), 1e9)
    assert np.abs(preparation.standardised(extreme)).max() <= 4.0
    measured = [feature.transform != "recency" for feature in features()]
    assert (preparation.standardised(np.full((1, raw.shape[1]), np.nan))[:, measured] == 0).all()
    assert np.isfinite(Preparation.fit(np.full((20, raw.shape[1]), np.nan), transforms()).columns(raw)).all()


def test_coarser_level_leaves_out_the_drugs_own_effect():
    arm = np.array([OCRELIZUMAB])
    columns = PLAIN.columns
    at = {level: dict(zip(columns, PLAIN.encode(arm, [level])[0], strict=True)) for level in ("dmt", "class", "tier")}
    assert at["dmt"] == {**dict.fromkeys(columns, 0.0), "tier:high": 1, "class:anti_cd20": 1, "dmt:ocrelizumab": 1}
    assert at["class"] == {**dict.fromkeys(columns, 0.0), "tier:high": 1, "class:anti_cd20": 1}
    assert at["tier"] == {**dict.fromkeys(columns, 0.0), "tier:high": 1}


def test_time_since_relapse_counts_as_recency_and_never_as_none():
    position = feature_names().index("years_since_relapse")
    raw = np.zeros((4, len(feature_names())))
    raw[:, position] = [0.0, 1.0, 20.0, np.nan]
    recency = Preparation.fit(raw, transforms()).standardised(raw)[:, position]
    assert (np.diff(recency) < 0).all()
