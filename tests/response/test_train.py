"""Training: refusals with reasons, the same bytes for the same seed, figures that are honest about XGBoost."""

from __future__ import annotations

import pytest

from clams_dash.errors import FactsError, TrainingRefused
from clams_dash.model.holdout import held_out
from clams_dash.response.bundle import load_bundle
from clams_dash.response.dataset import decisions
from clams_dash.response.settings import RESPONSE_RULES, SUPPORT_RULES, load_rules
from clams_dash.response.train import for_training, train


def retrain(frames, folder, rules, seed=1):
    return train(frames, folder, data_version="pool-test", synthetic=True, seed=seed, rules=rules)


def test_same_seed_same_bytes_in_any_row_order_and_another_seed_other_trees(tiny, tmp_path, tiny_rules):
    first = retrain(tiny, tmp_path / "first", tiny_rules)
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in tiny.items()}
    again = retrain(shuffled, tmp_path / "again", tiny_rules)
    assert again.version == first.version
    for path in first.folder.iterdir():
        assert path.read_bytes() == (again.folder / path.name).read_bytes()
    other = retrain(tiny, tmp_path / "other", tiny_rules, seed=2)
    assert (other.folder / "parts.json").read_bytes() != (first.folder / "parts.json").read_bytes()


def test_relapse_is_predicted_better_than_by_chance_and_not_suspiciously_well(report):
    figures = report.metrics["relapse"]["cross_validated"]["model"]
    assert 0.6 < figures["auroc"] < 0.85
    assert 0.75 < figures["calibration_slope"] < 1.3
    assert not report.metrics["relapse"]["leak_suspected"]


def test_metrics_stand_beside_a_constant_and_baseline_risk_times_average_effect(report):
    for name, figures in report.metrics.items():
        assert {"constant", "additive", "by arm", "prognosis trees", "trees by arm", "model"} == set(figures["losses"])
        assert figures["xgboost_used"] is any("trees" in part for part in figures["shares"])
        if name != "new_t2":
            assert set(figures["cross_validated"]) == {"constant", "baseline risk x average effect", "model"}


def test_nobody_held_out_for_evaluation_is_learnt_from(cohort, report, quick_rules):
    made = decisions(cohort, quick_rules.design)
    kept = for_training(made)
    assert not any(held_out(patient) for patient in kept.index["patient_id"])
    assert len(kept.index) == report.decisions < len(made.index)


def test_pool_without_scans_has_no_lesion_outcomes_and_says_why(tiny, tmp_path, tiny_rules):
    bare = retrain({**tiny, "mri": tiny["mri"].iloc[:0]}, tmp_path, tiny_rules)
    assert set(bare.metrics) == {"relapse", "worsening"}
    without = load_bundle(tmp_path).card["without_a_model"]
    assert set(without) == {"new_t2", "neda"}
    assert "0 events" in without["new_t2"]


def test_leak_of_the_outcome_into_a_feature_is_flagged(cohort, tmp_path, tiny_rules):
    """A value recorded beforehand that tells the future: sNfL set by whether a relapse follows."""
    days = cohort["relapse"].groupby("patient_id")["date"].apply(list).to_dict()
    labs = cohort["lab"].copy()
    labs["value"] = [
        50.0 if any(30 < (day - when).days < 700 for day in days.get(patient, [])) else 5.0
        for patient, when in zip(labs["patient_id"], labs["date"], strict=True)
    ]
    leaky = retrain({**cohort, "lab": labs}, tmp_path, tiny_rules)
    assert leaky.metrics["relapse"]["leak_suspected"]


def test_progress_is_told_from_start_to_end(tiny, tmp_path, tiny_rules):
    told: list[float] = []
    train(
        tiny, tmp_path, data_version="x", synthetic=True, rules=tiny_rules, progress=lambda _, share: told.append(share)
    )
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert told == sorted(told)


def few(frames, people: int):
    kept = set(frames["patient"]["patient_id"].head(people))
    return {name: frame[frame["patient_id"].isin(kept)] for name, frame in frames.items()}


def test_too_few_people_are_refused(cohort, tmp_path, quick_rules):
    with pytest.raises(TrainingRefused, match=r"\d\d people .* at least 100 are needed"):
        retrain(few(cohort, 20), tmp_path, quick_rules)


def test_empty_pool_is_refused(tmp_path, quick_rules):
    with pytest.raises(TrainingRefused, match="0 people"):
        retrain({}, tmp_path, quick_rules)


def test_too_few_relapses_are_refused(cohort, tmp_path, quick_rules):
    with pytest.raises(TrainingRefused, match="relapse: 0 events"):
        retrain({**cohort, "relapse": cohort["relapse"].iloc[:0]}, tmp_path, quick_rules)


def test_one_arm_alone_is_refused(cohort, tmp_path, quick_rules):
    with pytest.raises(TrainingRefused, match="nothing to compare: none"):
        retrain({**cohort, "treatment": cohort["treatment"].iloc[:0]}, tmp_path, quick_rules)


def test_unknown_therapy_is_refused_by_name(cohort, tmp_path, quick_rules):
    odd = cohort["treatment"].replace({"dmt": {"natalizumab": "snake_oil"}})
    with pytest.raises(TrainingRefused, match="snake_oil"):
        retrain({**cohort, "treatment": odd}, tmp_path, quick_rules)


def test_refused_training_leaves_the_models_folder_alone(tmp_path, quick_rules):
    with pytest.raises(TrainingRefused):
        retrain({}, tmp_path / "models", quick_rules)
    assert not (tmp_path / "models").exists()


def test_card_says_where_the_interval_widths_were_learnt(bundle):
    assert "learnt where the truth is known" in bundle.card["intervals"]
    assert bundle.card["trained_on"] == "synthetic data"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("max_depth = 3", "", "max_depth is missing"),
        ("max_depth = 3", 'max_depth = "two"', "max_depth must be int"),
        ("[learner]", "[learner", "not valid TOML"),
    ],
)
def test_damaged_rules_are_refused_by_entry(tmp_path, old, new, reason):
    wrong = tmp_path / "response.toml"
    wrong.write_text(RESPONSE_RULES.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(FactsError, match=reason):
        load_rules(wrong, SUPPORT_RULES)


def test_missing_rules_file_is_refused(tmp_path):
    with pytest.raises(FactsError, match="cannot be read"):
        load_rules(RESPONSE_RULES, tmp_path / "support.toml")
