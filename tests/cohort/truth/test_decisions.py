"""Whose decisions the truth is about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from clams_dash.cohort.simulate import Simulated
from clams_dash.cohort.truth.decisions import FUTURE_MONTHS, choose_decisions
from clams_dash.errors import ClamsError
from clams_dash.model.holdout import HELD_OUT_SHARE, held_out
from clams_dash.response.settings import response_rules
from tests.cohort.truth.conftest import Looked


def test_three_patients_in_ten_are_held_out_by_their_pseudonym_alone() -> None:
    share = np.mean([held_out(f"P-{number:05d}") for number in range(20_000)])
    assert share == pytest.approx(HELD_OUT_SHARE, abs=0.01)


def test_only_held_out_patients_are_in_the_sample(looked: Looked) -> None:
    assert all(held_out(str(looked.cohort.ids[person])) for person in looked.decisions.person)


def test_every_decision_has_an_edss_before_it_and_its_future_within_the_cohort(looked: Looked) -> None:
    decisions, cohort = looked.decisions, looked.cohort
    visits = cohort.frames["visit"].dropna(subset=["edss"])
    first = visits.groupby("patient_id")["date"].min()
    before = pd.Series(cohort.ids[decisions.person]).map(first).to_numpy().astype("datetime64[D]").astype(np.int64)
    assert (before < decisions.day).all()
    assert (decisions.month + FUTURE_MONTHS < len(cohort.courses.month_day)).all()
    assert (decisions.worse_step > 0).all()


def test_a_start_is_on_record_as_the_therapy_decided_and_a_stay_changes_nothing(looked: Looked) -> None:
    decisions, cohort = looked.decisions, looked.cohort
    names = np.array(cohort.world.drugs.names, dtype=object)
    given = cohort.frames["treatment"]
    starts = set(zip(given["patient_id"], given["start_date"], given["dmt"], strict=True))
    days = decisions.day.astype("datetime64[D]").astype("datetime64[ns]")
    for row in range(len(decisions)):
        who, drug = cohort.ids[decisions.person[row]], names[decisions.drug[row]]
        if decisions.start[row]:
            assert (who, pd.Timestamp(days[row]), drug) in starts
        else:
            months = slice(decisions.month[row], decisions.month[row] + 1)
            assert (cohort.courses.drug[decisions.person[row], months] == decisions.drug[row]).all()
    assert 0.4 < decisions.start.mean() < 0.7


def test_more_decisions_than_the_cohort_has_are_refused(simulated: Simulated) -> None:
    with pytest.raises(ClamsError, match="simulate more patients"):
        choose_decisions(simulated, 10**6, response_rules().design, np.random.default_rng(0))
