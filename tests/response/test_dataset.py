"""Which decisions count, and what counts as their outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from clams_dash.response.dataset import decisions, outcomes
from clams_dash.response.settings import response_rules

DESIGN = response_rules().design
ZERO = date(2010, 1, 1)
START = 400
ONE_COURSE = ((START, None, "fingolimod"),)


def days(*offsets: float) -> list[pd.Timestamp]:
    return [pd.Timestamp(ZERO + timedelta(days=offset)) for offset in offsets]


def person(
    edss: dict[int, float], relapses=(), courses=((START, None, "fingolimod"),), name="a"
) -> dict[str, pd.DataFrame]:
    """One person: EDSS by day, relapse days, courses (start, stop, dmt)."""
    return {
        "patient": pd.DataFrame({"patient_id": [name], "sex": ["male"], "birth_date": days(-9000), "course": ["RRMS"]}),
        "visit": pd.DataFrame({"patient_id": name, "date": days(*edss), "edss": list(edss.values())}),
        "relapse": pd.DataFrame(
            {"patient_id": [name] * len(relapses), "date": pd.to_datetime(pd.Series(days(*relapses)))}
        ),
        "treatment": pd.DataFrame(
            {
                "patient_id": [name] * len(courses),
                "dmt": [dmt for _, _, dmt in courses],
                "start_date": pd.to_datetime(pd.Series(days(*(start for start, _, _ in courses)))),
                "stop_date": pd.to_datetime(pd.Series([days(stop)[0] if stop else None for _, stop, _ in courses])),
            }
        ),
    }


def pool(*people: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The people, and one followed long enough that nobody else's decision is too recent."""
    late = person(dict.fromkeys(range(0, 6000, 180), 2.0), courses=(), name="z")
    everyone = (*people, late)
    return {name: pd.concat([one[name] for one in everyone], ignore_index=True) for name in late}


STEADY = dict.fromkeys(range(0, 2400, 180), 2.0)


def first_start(frames, design=DESIGN):
    """Relapse and worsening (None = left out) of the first start of a DMT of person a."""
    made = decisions(frames, design)
    row = np.flatnonzero((made.index["patient_id"] == "a") & (made.index["kind"] == "start"))[0]
    found = outcomes(frames, made, design)
    return {name: bool(one.value[row] == 1.0) if one.known[row] else None for name, one in found.items()}


def kinds(frames) -> list[tuple[str, int, str]]:
    index = decisions(frames, DESIGN).index
    own = index[index["patient_id"] == "a"]
    return [
        (kind, (day.date() - ZERO).days, arm)
        for kind, day, arm in zip(own["kind"], own["index_date"], own["arm"], strict=True)
    ]


@pytest.mark.parametrize(
    ("day", "counts"),
    [(START - 1, False), (START, False), (START + 1, True), (START + 730, True), (START + 731, False)],
)
def test_relapse_counts_from_the_day_after_the_start_to_24_months(day, counts):
    assert first_start(pool(person(STEADY, relapses=(day,))))["relapse"] is counts


def test_start_is_a_decision_and_the_same_drug_again_after_a_short_gap_is_not():
    courses = ((400, 900, "fingolimod"), (950, 1600, "fingolimod"), (1700, None, "fingolimod"))
    assert [found for found in kinds(pool(person(STEADY, courses=courses))) if found[0] == "start"] == [
        ("start", 400, "fingolimod"),
        ("start", 1700, "fingolimod"),
    ]


def test_kept_therapy_is_a_decision_once_per_two_years_and_not_near_a_start():
    found = kinds(pool(person(STEADY)))
    stays = [(day, arm) for kind, day, arm in found if kind == "stay"]
    assert stays == [(1, "none"), (901, "fingolimod"), (1621, "fingolimod"), (2341, "fingolimod")]
    assert all(not START - 30 <= day - 1 <= START + 180 for day, _ in stays)


def test_start_before_the_first_visit_is_not_learnt_from():
    assert not [
        found for found in kinds(pool(person(STEADY, courses=((-50, None, "fingolimod"),)))) if found[0] == "start"
    ]


def test_worsening_needs_confirmation_at_24_weeks():
    held = {**STEADY, 720: 3.0, 900: 3.0, 1080: 3.0}
    fell_back = {**STEADY, 720: 3.0}
    assert first_start(pool(person(held)))["worsening"] is True
    assert first_start(pool(person(fell_back)))["worsening"] is False
    assert first_start(pool(person(STEADY)))["worsening"] is False


def test_worsening_after_24_months_does_not_count():
    late = {day: 2.0 if day < START + 740 else 3.0 for day in STEADY}
    assert first_start(pool(person(late)))["worsening"] is False


def test_worsening_is_measured_from_the_last_calm_edss_before_the_start():
    raised = {**dict.fromkeys(STEADY, 3.5), 0: 2.0, 180: 2.0, 360: 3.5}
    assert first_start(pool(person(raised, relapses=(350,))))["worsening"] is True
    assert first_start(pool(person(raised)))["worsening"] is False


def test_onset_that_nobody_could_confirm_is_unknown_not_an_event():
    lost = {day: edss for day, edss in STEADY.items() if day <= 1000} | {1080: 4.0, 2900: 4.0}
    assert first_start(pool(person(lost)))["worsening"] is None


def test_followed_for_less_than_24_months_is_left_out_even_with_a_relapse():
    short = {day: edss for day, edss in STEADY.items() if day < START + 600}
    assert first_start(pool(person(short, relapses=(START + 50,))))["relapse"] is None


def test_switch_within_the_horizon_does_not_end_it():
    courses = ((400, 500, "fingolimod"), (520, None, "natalizumab"))
    assert first_start(pool(person(STEADY, relapses=(1000,), courses=courses)))["relapse"] is True


def test_decision_too_recent_to_be_followed_is_left_out_without_a_weight():
    alone = person(STEADY)
    made = decisions(alone, DESIGN)
    found = outcomes(alone, made, DESIGN)["relapse"]
    assert found.too_recent > 0
    assert found.lost == 0
    assert (found.weights[~found.known] == 0).all()


def test_weights_give_more_to_those_like_the_lost(cohort):
    made = decisions(cohort, DESIGN)
    found = outcomes(cohort, made, DESIGN)["relapse"]
    assert found.lost > 0
    assert found.weights[found.known].mean() == pytest.approx(1.0)
    assert (found.weights[found.known] > 0).all()
    limited = outcomes(cohort, made, replace(DESIGN, censoring_weight_limit=1.05))["relapse"]
    assert limited.weights.max() <= found.weights.max()


def test_impossible_edss_is_no_score():
    odd = {**STEADY, 720: 0.5}
    assert first_start(pool(person(odd)))["worsening"] is False


def test_each_decision_has_one_row_of_features(cohort):
    made = decisions(cohort, DESIGN)
    assert len(made.index) == len(made.features)
    assert not made.index.duplicated(["patient_id", "index_date"]).any()
