"""What a prediction shows for one person: risks with intervals, differences from staying, support and abstention."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from clams_dash.response.drivers import contrast_drivers, contributions
from clams_dash.response.features import feature_names, features_at
from clams_dash.response.predict import predict

AT = date(2014, 3, 1)
FIELDS = {"dmt", "risk", "low", "high", "difference_from_stay", "diff_low", "diff_high", "n_similar", "propensity",
          "abstained", "reason", "drivers", "observed_low", "observed_high", "e_value"}  # fmt: skip


def alone(frames, patient):
    return {name: frame[frame["patient_id"] == patient] for name, frame in frames.items()}


@pytest.fixture(scope="module")
def patients(cohort):
    """People with a visit after AT, so that AT lies within their follow-up."""
    last = cohort["visit"].groupby("patient_id")["date"].max()
    return sorted(last[last > pd.Timestamp(AT)].index)[:12]


@pytest.fixture(scope="module")
def predictions(bundle, cohort, patients):
    return [predict(bundle, alone(cohort, patient), patient, AT) for patient in patients]


def shown(predictions):
    return [arm for one in predictions for arms in one.outcomes.values() for arm in arms if not arm.abstained]


def test_risks_and_differences_lie_within_their_intervals(predictions):
    found = shown(predictions)
    assert found
    for arm in found:
        assert 0 < arm.low <= arm.risk <= arm.high
        if arm.observed_low is None:
            assert arm.high < 1
        else:
            assert arm.observed_low <= arm.observed_high
        if arm.difference_from_stay is not None:
            assert arm.observed_low is not None or arm.diff_low >= -1
            assert arm.diff_low <= arm.difference_from_stay <= arm.diff_high


def test_staying_differs_from_staying_by_nothing(predictions):
    for one in predictions:
        stay = next(arm for arm in one.outcomes["relapse"] if arm.dmt == one.stay)
        if not stay.abstained and one.stay_recorded:
            assert (stay.difference_from_stay, stay.diff_low, stay.diff_high) == (0.0, 0.0, 0.0)


def test_nothing_is_compared_with_a_therapy_that_was_never_recorded(predictions):
    unrecorded = [one for one in predictions if not one.stay_recorded]
    assert unrecorded
    for one in unrecorded:
        assert one.stay == "none"
        assert {arm.difference_from_stay for arms in one.outcomes.values() for arm in arms} == {None}


def test_difference_is_risk_minus_risk_of_staying(predictions):
    for one in predictions:
        stay = next(arm for arm in one.outcomes["relapse"] if arm.dmt == one.stay)
        for arm in one.outcomes["relapse"]:
            if arm.difference_from_stay is not None:
                assert arm.difference_from_stay == pytest.approx(arm.risk - stay.risk)


def test_present_therapy_is_what_staying_means(bundle, cohort, patients):
    patient = patients[0]
    own = alone(cohort, patient)
    on_drug = pd.DataFrame({"patient_id": [patient], "dmt": ["fingolimod"], "start_date": [pd.Timestamp("2012-01-01")],
                            "stop_date": [pd.NaT]})  # fmt: skip
    assert predict(bundle, {**own, "treatment": on_drug}, patient, AT).stay == "fingolimod"
    stopped = on_drug.assign(stop_date=pd.Timestamp("2013-01-01"))
    assert predict(bundle, {**own, "treatment": stopped}, patient, AT).stay == "none"


def test_only_arms_with_enough_comparable_people_get_figures(bundle, predictions):
    for one in predictions:
        for arm in one.outcomes["relapse"]:
            if arm.abstained:
                if arm.n_similar < bundle.support.minimum_similar:
                    assert f"at least {bundle.support.minimum_similar} are needed" in arm.reason
                else:
                    assert arm.propensity < bundle.support.minimum_propensity
                    assert "at least 2% are needed" in arm.reason
                assert arm.risk is arm.low is arm.difference_from_stay is None
            else:
                assert arm.n_similar >= bundle.support.minimum_similar
                assert arm.propensity >= bundle.support.minimum_propensity


def test_drug_with_too_few_people_is_estimated_by_its_class_and_says_so(predictions):
    by_dmt = {arm.dmt: arm for one in predictions for arm in one.outcomes["relapse"] if not arm.abstained}
    reason = by_dmt["ofatumumab"].reason
    assert reason.startswith("estimate for the class anti cd20 (n=")
    assert "too few on Ofatumumab itself" in reason


def test_therapy_nobody_in_training_had_is_withheld(predictions):
    for one in predictions:
        teriflunomide = next(arm for arm in one.outcomes["relapse"] if arm.dmt == "teriflunomide")
        assert teriflunomide.abstained
        assert teriflunomide.reason.startswith("0 comparable people")


def test_higher_limit_withholds_everything(bundle, cohort, patients):
    strict = replace(bundle, support=replace(bundle.support, minimum_similar=10_000))
    found = predict(strict, alone(cohort, patients[0]), patients[0], AT)
    assert all(arm.abstained for arms in found.outcomes.values() for arm in arms)
    assert set(found.not_told_apart.values()) == {()}


def test_withdrawn_drug_is_not_offered_unless_it_is_the_present_one(bundle, cohort, patients, predictions):
    assert all("daclizumab" not in [arm.dmt for arm in one.outcomes["relapse"]] for one in predictions)
    present = pd.DataFrame({"patient_id": [patients[0]], "dmt": ["daclizumab"], "stop_date": [pd.NaT],
                            "start_date": [pd.Timestamp("2013-01-01")]})  # fmt: skip
    found = predict(bundle, {**alone(cohort, patients[0]), "treatment": present}, patients[0], AT)
    assert "daclizumab" in [arm.dmt for arm in found.outcomes["relapse"]]
    assert all(arm.difference_from_stay is None for arm in found.outcomes["relapse"])


def test_five_largest_drivers_are_named_in_order(predictions):
    for arm in shown(predictions):
        sizes = [abs(driver.contribution) for driver in arm.drivers]
        assert len(sizes) == 5
        assert sizes == sorted(sizes, reverse=True)
        assert {driver.feature for driver in arm.drivers} <= {*feature_names(), "therapy"}


def test_more_relapses_before_mean_a_higher_risk(bundle, cohort, patients):
    patient = patients[0]
    own = alone(cohort, patient)
    calm = predict(bundle, {**own, "relapse": own["relapse"].iloc[:0]}, patient, AT)
    many = pd.DataFrame({"patient_id": patient, "date": [pd.Timestamp(AT - timedelta(days=n)) for n in (60, 200, 400)]})
    active = predict(bundle, {**own, "relapse": many}, patient, AT)
    for before, after in zip(calm.outcomes["relapse"], active.outcomes["relapse"], strict=True):
        if before.risk is not None and after.risk is not None:
            assert after.risk > before.risk


def test_later_records_change_nothing(bundle, cohort, patients):
    patient = patients[1]
    own = alone(cohort, patient)
    past = {name: frame[frame["date"] < pd.Timestamp(AT)] if "date" in frame else frame for name, frame in own.items()}
    past["treatment"] = own["treatment"][own["treatment"]["start_date"] < pd.Timestamp(AT)]
    assert predict(bundle, own, patient, AT) == predict(bundle, past, patient, AT)


def test_whole_pool_and_one_persons_frames_give_the_same(bundle, cohort, patients, predictions):
    assert predict(bundle, cohort, patients[2], AT) == predictions[2]


@pytest.mark.parametrize("case", ["before the first visit", "unknown person", "no tables"])
def test_person_without_earlier_data_gets_the_reason_and_no_figures(bundle, cohort, patients, case):
    frames, patient, at = cohort, patients[0], AT
    if case == "before the first visit":
        at = date(1990, 1, 1)
    elif case == "unknown person":
        patient = "nobody"
    else:
        frames = {}
    found = predict(bundle, frames, patient, at)
    assert all(arm.abstained and arm.risk is None for arm in found.outcomes["relapse"])
    assert {arm.reason for arm in found.outcomes["worsening"]} == {f"no visit or MRI before {at.isoformat()}"}


def test_groups_not_told_apart_hold_only_arms_with_figures(predictions):
    for one in predictions:
        for name, groups in one.not_told_apart.items():
            figures = {arm.dmt for arm in one.outcomes[name] if not arm.abstained}
            assert all(set(group) <= figures and len(group) > 1 for group in groups)


def test_document_has_the_agreed_shape(predictions):
    document = json.loads(json.dumps(predictions[0].to_json(), allow_nan=False))
    assert {"patient", "at", "horizon_months", "model", "outcomes", "not_told_apart"} <= set(document)
    assert (document["at"], document["horizon_months"]) == ("2014-03-01", 24)
    assert set(document["outcomes"]) == {"relapse", "worsening", "new_t2", "neda"}
    for arms in document["outcomes"].values():
        for arm in arms:
            assert set(arm) == FIELDS
            assert all(set(driver) == {"feature", "value", "contribution"} for driver in arm["drivers"])


def test_shares_of_the_classes_begun_add_up_to_all_but_the_present_and_untreated(bundle, predictions):
    for one in predictions:
        arms = bundle.arms
        begun = {
            arms.drug_classes[arms.names.index(arm.dmt)]: arm.propensity
            for arm in one.outcomes["relapse"]
            if arm.dmt not in ("none", one.stay)
        }
        assert all(0 <= share <= 1 for share in begun.values())
        assert sum(begun.values()) == pytest.approx(1.0, abs=0.02)


def test_what_speaks_for_an_arm_adds_up_to_its_margin_but_for_a_constant(bundle, cohort, patients):
    index = pd.DataFrame({"patient_id": patients, "index_date": pd.Timestamp(AT)})
    raw = features_at(cohort, index).to_numpy(float)
    for model in bundle.outcomes.values():
        codes = np.arange(len(raw)) % 3
        rows = model.rows(raw, np.zeros(len(raw), dtype=np.int64), codes, model.fitted.design.main[codes])
        left = model.fitted.margin(rows) - contributions(model, rows).sum(axis=1)
        np.testing.assert_allclose(left, left[0], atol=1e-4)


def test_contrast_of_an_arm_with_itself_has_no_drivers(bundle, cohort, patients):
    index = pd.DataFrame({"patient_id": [patients[0]] * 2, "index_date": pd.Timestamp(AT)})
    model = bundle.outcomes["relapse"]
    codes = np.array([3, 3])
    rows = model.rows(
        features_at(cohort, index).to_numpy(float), np.zeros(2, dtype=np.int64), codes, model.fitted.design.main[codes]
    )
    assert all(driver.contribution == 0.0 for driver in contrast_drivers(model, rows, 0, 1))


def test_serving_does_not_import_training():
    code = (
        "import sys, clams_dash.response.predict, clams_dash.response.bundle; "
        "sys.exit('clams_dash.response.train' in sys.modules or 'clams_dash.response.dataset' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
