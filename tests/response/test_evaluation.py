"""Evaluation scores held-out people only, and tells a model near the truth from one that is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from clams_dash.errors import ModelError
from clams_dash.response.evaluation import TRUTH_COLUMNS, against_truth, held_out_scores, seen_by
from clams_dash.response.evaluation_file import read_evaluation, write_evaluation
from clams_dash.response.features import features_at

ARMS = ("none", "interferon_beta_1a_sc", "fingolimod", "natalizumab")
BURDEN = pd.DataFrame({"dmt": ARMS, "value": [0.0, 0.1, 0.1, 0.2]})


@pytest.fixture(scope="module")
def pairs(cohort):
    """Decisions of some people, each under four arms."""
    people = cohort["patient"]["patient_id"].head(60)
    rows = pd.DataFrame({"patient_id": np.repeat(people.to_numpy(), len(ARMS)), "dmt": ARMS * len(people)})
    return rows.assign(index_date=pd.Timestamp("2014-03-01"), eligible=True, decided=False)


@pytest.fixture(scope="module")
def own_truth(bundle, cohort, pairs):
    """A truth that is what the model itself predicts."""
    decided = seen_by(bundle, cohort, pairs, pairs["dmt"], features_at(cohort, pairs))
    truth = pairs.copy()
    for name, model in bundle.outcomes.items():
        rows = model.rows(decided.raw, decided.present, decided.arm, model.fitted.design.main[decided.arm])
        truth[TRUTH_COLUMNS[name]] = model.link.mean(model.fitted.margin(rows))
    return truth


def test_model_scored_against_its_own_predictions_has_no_error_and_no_regret(bundle, cohort, own_truth):
    found = against_truth(bundle, cohort, own_truth, BURDEN)
    for name in TRUTH_COLUMNS:
        assert found[name]["rmse"] == 0.0
        assert found[name]["npehe_untreated"] == 0.0
        assert found[name]["coverage"] == found[name]["difference_coverage"] == 1.0
    assert found["relapse"]["calibration_slope"] == pytest.approx(1.0, abs=0.01)
    assert found["policy"]["model"] == 0.0 <= found["policy"]["fixed"]


def test_truth_turned_round_is_not_covered_and_costs_utility(bundle, cohort, own_truth):
    wrong = own_truth.copy()
    for name in ("p_relapse", "p_worsening"):
        wrong[name] = np.where(wrong["dmt"] == "none", 0.01, 0.99)
    found = against_truth(bundle, cohort, wrong, BURDEN)
    assert found["relapse"]["rmse"] > 0.3
    assert found["relapse"]["coverage"] < 0.3
    assert found["policy"]["model"] > found["policy"]["fixed"]


def test_only_held_out_people_are_scored_and_a_constant_stands_beside(bundle, cohort, quick_rules):
    found = held_out_scores(bundle, cohort, quick_rules)
    assert found["relapse"]["model"]["auroc"] > 0.55
    assert found["relapse"]["constant"]["auroc"] == 0.5
    assert found["relapse"]["decisions"] < bundle.metrics["relapse"]["decisions"]
    assert {"women", "men"} & set(found["relapse"]["subgroups"])
    curve = found["relapse"]["calibration_curve"]
    assert [bin["predicted"] for bin in curve] == sorted(bin["predicted"] for bin in curve)


def test_pool_without_decisions_cannot_be_scored(bundle, quick_rules):
    with pytest.raises(ModelError, match="no decision"):
        held_out_scores(bundle, {}, quick_rules)


def test_therapy_the_model_does_not_know_is_named(bundle, cohort, own_truth):
    with pytest.raises(ModelError, match="snake_oil"):
        against_truth(bundle, cohort, own_truth.assign(dmt="snake_oil"), BURDEN)


def test_evaluation_is_kept_by_version_beside_the_models(tmp_path):
    assert read_evaluation(tmp_path, "m-1") is None
    write_evaluation(tmp_path, "m-1", {"model": "m-1"})
    assert read_evaluation(tmp_path, "m-1") == {"model": "m-1"}
    (tmp_path / "evaluation-m-1.json").write_text("{")
    with pytest.raises(ModelError, match="not valid JSON"):
        read_evaluation(tmp_path, "m-1")
