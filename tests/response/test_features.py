"""Features are what was known strictly before the decision, the same in training and in prediction."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clams_dash.errors import FactsError, ModelError
from clams_dash.response import features as features_module
from clams_dash.response.features import feature_names, features, features_at
from clams_dash.response.history import Look, present_therapy

AT = date(2015, 6, 1)
ID = "p1"


def days(*offsets: int) -> pd.Series:
    return pd.to_datetime(pd.Series([AT + timedelta(days=offset) for offset in offsets], dtype=object))


def frames_of(**changed: pd.DataFrame) -> dict[str, pd.DataFrame]:
    person = {"patient_id": [ID], "sex": ["female"], "birth_date": days(-40 * 365), "onset_date": days(-3653),
              "diagnosis_date": days(-3000), "course": ["SPMS"]}  # fmt: skip
    made = {
        "patient": pd.DataFrame(person),
        "visit": pd.DataFrame({"patient_id": ID, "date": days(-800, -400, -20), "edss": [2.0, 2.5, 4.0]}),
        "relapse": pd.DataFrame({"patient_id": ID, "date": days(-1000, -500, -100)}),
        "treatment": pd.DataFrame(
            {
                "patient_id": ID,
                "dmt": ["glatiramer_acetate", "fingolimod"],
                "start_date": days(-1500, -700),
                "stop_date": [days(-750)[0], pd.NaT],
            }
        ),
        "mri": pd.DataFrame({"patient_id": ID, "date": days(-600, -50), "region": "brain", "new_t2": [3, 1]}),
        "lab": pd.DataFrame({"patient_id": ID, "date": days(-30), "analyte": "nfl", "value": [11.5]}),
        "clinical_fact": pd.DataFrame(
            {"patient_id": ID, "date": days(-300, -200), "kind": ["bmi", "smoking"], "value": ["24.1", "current"]}
        ),
    }
    return {**made, **changed}


def at(frames, day: date = AT) -> pd.Series:
    return features_at(frames, pd.DataFrame({"patient_id": [ID], "index_date": [pd.Timestamp(day)]})).iloc[0]


def test_known_person_has_the_values_a_clinician_would_read_off():
    found = at(frames_of())
    expected = {
        "sex_female": 1.0,
        "edss_last": 4.0,
        "edss_age_days": 20.0,
        "edss_change_1y": 1.5,
        "relapses_12m": 1.0,
        "relapses_24m": 2.0,
        "relapses_60m": 3.0,
        "new_t2_last": 1.0,
        "new_t2_24m": 4.0,
        "nfl_pg_ml": 11.5,
        "dmts_before": 2.0,
        "on_dmt": 1.0,
        "last_dmt_tier": 3.0,
        "bmi": 24.1,
        "smoker": 1.0,
    }
    assert {name: found[name] for name in expected} == expected
    assert found["age_years"] == pytest.approx(39.97, abs=0.01)
    assert found["years_since_relapse"] == pytest.approx(100 / 365.25)


def test_what_was_not_measured_stays_missing():
    found = at(frames_of(mri=pd.DataFrame({"patient_id": [], "date": []}), lab=frames_of()["lab"].iloc[:0]))
    assert found[["new_t2_last", "new_t2_24m", "t2_volume_ml", "nfl_pg_ml", "sdmt"]].isna().all()


def test_record_of_the_decision_day_does_not_count():
    visits = pd.DataFrame({"patient_id": ID, "date": days(-20, 0), "edss": [4.0, 8.0]})
    relapses = pd.DataFrame({"patient_id": ID, "date": days(0)})
    found = at(frames_of(visit=visits, relapse=relapses))
    assert found["edss_last"] == 4.0
    assert found["relapses_12m"] == 0.0


def test_secondary_progression_recorded_later_is_not_seen():
    relapsing = frames_of()["patient"].assign(course="RRMS")
    pd.testing.assert_series_equal(at(frames_of()), at(frames_of(patient=relapsing)))
    assert at(frames_of(patient=relapsing.assign(course="PPMS")))["primary_progressive"] == 1.0


def test_diagnosis_and_onset_after_the_decision_are_not_seen():
    late = frames_of()["patient"].assign(onset_date=days(5).to_numpy(), diagnosis_date=days(5).to_numpy())
    found = at(frames_of(patient=late))
    assert found[["disease_duration_years", "diagnosis_duration_years", "primary_progressive"]].isna().all()


def test_stop_after_the_decision_is_not_yet_known():
    stopped = frames_of()["treatment"].assign(stop_date=[days(-750)[0], days(1)[0]])
    pd.testing.assert_series_equal(at(frames_of()), at(frames_of(treatment=stopped)))


def test_drug_washed_out_for_a_switch_still_counts_as_present_in_the_features():
    stopped = frames_of()["treatment"].assign(stop_date=[days(-750)[0], days(-30)[0]])
    index = pd.DataFrame({"patient_id": [ID], "index_date": [pd.Timestamp(AT)]})
    assert at(frames_of(treatment=stopped))["on_dmt"] == 1.0
    assert present_therapy(Look.at(frames_of(treatment=stopped), index)).dmt[0] == "none"
    long_ago = frames_of()["treatment"].assign(stop_date=[days(-750)[0], days(-300)[0]])
    found = at(frames_of(treatment=long_ago))
    assert found["on_dmt"] == 0.0
    assert found["years_off_dmt"] == pytest.approx(300 / 365.25)


def test_person_never_seen_before_has_no_counts_rather_than_zeros():
    empty = {name: frame.iloc[:0] for name, frame in frames_of().items()}
    found = at({**empty, "patient": frames_of()["patient"]})
    assert found[["relapses_12m", "dmts_before", "on_dmt"]].isna().all()


def test_cord_scan_is_not_taken_for_a_brain_scan():
    scans = pd.concat(
        [frames_of()["mri"], frames_of()["mri"].iloc[:1].assign(date=days(-5)[0], region="cord", new_t2=9)]
    )
    assert at(frames_of(mri=scans))["new_t2_last"] == 1.0


ROWS = st.lists(st.tuples(st.integers(0, 2000), st.sampled_from([0.0, 1.0, 3.5, 6.0])), min_size=1, max_size=5)


def _later(rows) -> dict[str, pd.DataFrame]:
    when, values = days(*(offset for offset, _ in rows)), [value for _, value in rows]
    words = [str(value) for value in values]
    return {
        "visit": pd.DataFrame({"patient_id": ID, "date": when, "edss": values, "sdmt": values}),
        "relapse": pd.DataFrame({"patient_id": ID, "date": when}),
        "mri": pd.DataFrame({"patient_id": ID, "date": when, "region": "brain", "new_t2": values, "t2_count": values}),
        "lab": pd.DataFrame({"patient_id": ID, "date": when, "analyte": "nfl", "value": values}),
        "clinical_fact": pd.DataFrame({"patient_id": ID, "date": when, "kind": "bmi", "value": words}),
        "treatment": pd.DataFrame({"patient_id": ID, "dmt": "natalizumab", "start_date": when, "stop_date": pd.NaT}),
    }


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(("visit", "relapse", "mri", "lab", "clinical_fact", "treatment"), ROWS)))
def test_no_later_record_changes_a_feature(rows):
    frames = frames_of()
    later = {name: pd.concat([frames[name], _later(found)[name]], ignore_index=True) for name, found in rows.items()}
    pd.testing.assert_series_equal(at(frames), at({**frames, **later}))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 2000), st.randoms(use_true_random=False))
def test_features_are_of_the_past_only_on_any_day_and_in_any_row_order(back, random):
    frames, day = frames_of(), AT - timedelta(days=back)
    past = {
        name: frame[frame["date"] < pd.Timestamp(day)] if "date" in frame else frame for name, frame in frames.items()
    }
    shuffled = {name: frame.sample(frac=1, random_state=random.randint(0, 999)) for name, frame in past.items()}
    pd.testing.assert_series_equal(at(frames, day), at(shuffled, day))


def test_one_person_alone_has_the_same_features_as_within_the_pool(cohort):
    visits = cohort["visit"].groupby("patient_id").nth(3)
    index = visits.rename(columns={"date": "index_date"})[["patient_id", "index_date"]].head(25).reset_index(drop=True)
    together = features_at(cohort, index)
    for row, patient in enumerate(index["patient_id"]):
        own = {name: frame[frame["patient_id"] == patient] for name, frame in cohort.items()}
        pd.testing.assert_frame_equal(features_at(own, index.iloc[[row]]), together.iloc[[row]])


def test_columns_are_the_listed_features_with_units_and_sources():
    assert (
        tuple(features_at(frames_of(), pd.DataFrame({"patient_id": [ID], "index_date": [AT]})).columns)
        == feature_names()
    )
    assert all(feature.unit and feature.source and feature.label for feature in features())
    assert len(feature_names()) == len(set(feature_names()))


def test_missing_column_or_date_is_refused_by_name():
    with pytest.raises(ModelError, match="table visit lacks column date"):
        at(frames_of(visit=pd.DataFrame({"patient_id": [ID]})))
    with pytest.raises(ModelError, match="no index_date"):
        features_at(frames_of(), pd.DataFrame({"patient_id": [ID], "index_date": [pd.NaT]}))


def test_unknown_recipe_in_the_feature_file_is_refused(tmp_path, monkeypatch):
    text = features_module.FEATURES_FILE.read_text(encoding="utf-8").replace(
        "years_since,patient.birth", "guess,patient.birth"
    )
    (tmp_path / "features.csv").write_text(text, encoding="utf-8")
    monkeypatch.setattr(features_module, "FEATURES_FILE", tmp_path / "features.csv")
    with pytest.raises(FactsError, match="age_years: unknown recipe"):
        features_module.features.__wrapped__()


def test_empty_pool_gives_missing_features_not_an_error():
    found = features_at({}, pd.DataFrame({"patient_id": [ID], "index_date": [pd.Timestamp(AT)]}))
    assert np.isnan(found.drop(columns="last_dmt_tier").to_numpy()).all()
