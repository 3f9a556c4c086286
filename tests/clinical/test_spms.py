"""Conversion to SPMS by the CORe definition: what it needs, and what is not recorded is not taken for met."""

from datetime import date, timedelta

import pytest

from clams_dash.clinical.definitions import PROGRESSION_RULES
from clams_dash.clinical.neurostatus import SYSTEMS
from clams_dash.clinical.spms import load_spms_rule, spms
from clams_dash.errors import FactsError
from clams_dash.model.records import Case, Patient, Relapse, Source, Visit

START = date(2020, 1, 1)
SOURCE = Source("b", "visit.csv", 2)
RISING = ({"pyramidal": 2}, {"pyramidal": 3}, {"pyramidal": 3}, {"pyramidal": 3})


def on(visit: int) -> date:
    return START + timedelta(days=91 * visit)


def complete(**scores: int) -> dict[str, int]:
    return dict.fromkeys(SYSTEMS, 0) | scores


def case(edss, systems, relapses=()) -> Case:
    patient = Patient("anna", None, None, False, None, None, "RRMS", None, True, SOURCE)
    visits = tuple(
        Visit(on(at), False, score, fs, None, None, None, None, SOURCE)
        for at, (score, fs) in enumerate(zip(edss, systems, strict=True))
    )
    return Case(patient, visits, tuple(Relapse(day, (), "unknown", None, "unknown", SOURCE) for day in relapses))


def test_rise_to_4_with_a_pyramidal_score_that_stays_up_converts():
    found = spms(case((3.0, 4.0, 4.0, 4.0), RISING))
    assert found.state == "converted"
    assert found.conversion is not None
    assert (found.conversion.converted_date, found.conversion.confirmed_date) == (on(1), on(2))
    assert found.conversion.leading_systems == ("pyramidal",)


@pytest.mark.parametrize(
    ("edss", "why"),
    [
        ((2.0, 3.5, 3.5, 3.5), "below EDSS 4"),
        ((4.0, 4.5, 4.5, 4.5), "half a step below 6.0"),
        ((5.5, 6.0, 6.0, 6.0), "half a step from 5.5"),
        ((3.0, 4.0, 4.0, 3.5), "not sustained to the last visit"),
        ((3.0, 3.0, 3.0, 4.0), "not confirmed"),
    ],
)
def test_no_conversion(edss, why):
    assert spms(case(edss, RISING)).state == "not_converted", why


def test_half_a_step_counts_from_6():
    assert spms(case((6.0, 6.5, 6.5, 6.5), RISING)).state == "converted"


def test_step_may_be_slow_since_the_reference_stays():
    systems = ({"pyramidal": 2}, {"pyramidal": 2}, {"pyramidal": 3}, {"pyramidal": 3})
    found = spms(case((3.0, 3.5, 4.0, 4.0), systems))
    assert found.conversion is not None
    assert found.conversion.converted_date == on(2)


def test_relapse_gives_a_new_reference_and_visits_within_30_days_of_it_do_not_count():
    assert spms(case((3.0, 4.0, 4.0, 4.0), RISING, [on(1) - timedelta(days=40)])).state == "not_converted"
    assert spms(case((3.0, 4.0, 4.0, 4.0), RISING, [START - timedelta(days=30)])).state == "not_converted"
    assert spms(case((3.0, 4.0, 4.0, 4.0), RISING, [START - timedelta(days=31)])).state == "converted"


def test_low_pyramidal_score_is_no_conversion():
    systems = ({"pyramidal": 0}, {"pyramidal": 1}, {"pyramidal": 1}, {"pyramidal": 1})
    assert spms(case((3.0, 4.0, 4.0, 4.0), systems)).state == "not_converted"


def test_missing_pyramidal_score_is_assumed_from_5_5_on_only():
    systems = ({"cerebellar": 2}, {"cerebellar": 3}, {"cerebellar": 3}, {"cerebellar": 3})
    high = spms(case((5.0, 6.0, 6.0, 6.0), systems))
    assert high.state == "converted"
    assert high.conversion is not None
    assert high.conversion.pyramidal_assumed
    low = spms(case((4.0, 5.0, 5.0, 5.0), systems))
    assert (low.state, low.reason) == ("not_assessable", "the pyramidal score of the converting visit is not recorded")


def test_leading_system_must_stay_up():
    systems = (complete(pyramidal=2), complete(pyramidal=3), complete(pyramidal=2), complete(pyramidal=2))
    assert spms(case((3.0, 4.0, 4.0, 4.0), systems)).state == "not_converted"


def test_without_functional_systems_it_is_not_assessable_but_the_edss_is_told():
    found = spms(case((5.0, 6.0, 6.0, 6.0), ({}, {}, {}, {})))
    assert found.state == "not_assessable"
    assert "leading functional system" in found.reason
    assert found.conversion is not None
    assert found.conversion.leading_systems is None


def test_three_visits_are_needed():
    found = spms(case((3.0, 4.0), RISING[:2]))
    assert (found.state, found.reason) == ("not_assessable", "3 visits with an EDSS are needed; 2 known")


@pytest.mark.parametrize(("old", "new"), [("confirm_days = 90.75", "confirm_days = 0"), ("least_pyramidal", "least")])
def test_damaged_definition_is_refused_by_file(tmp_path, old, new):
    path = tmp_path / "progression.toml"
    path.write_text(PROGRESSION_RULES.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(FactsError, match=r"progression\.toml"):
        load_spms_rule(path)
