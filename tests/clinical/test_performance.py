"""T25FW, 9HPT, SDMT and EDSS-plus: how much counts, and what is missing is never normal."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from clams_dash.clinical.convention import Convention
from clams_dash.clinical.definitions import PROGRESSION_RULES
from clams_dash.clinical.performance import (
    Measurement,
    edss_plus,
    load_performance_rules,
    performance_changes,
    performance_rule,
    series_changes,
)
from clams_dash.errors import FactsError
from clams_dash.model.records import Case, Patient, Relapse, Source, Visit

START = date(2020, 1, 1)
SOURCE = Source("b", "visit.csv", 2)
TWELVE_WEEKS = Convention(confirm_days=84, reference="fixed")


def on(visit: int) -> date:
    return START + timedelta(days=91 * visit)


def series(*values: float | None) -> list[Measurement]:
    return [Measurement(on(visit), value) for visit, value in enumerate(values) if value is not None]


def confirmed(test: str, *values: float | None, convention: Convention = TWELVE_WEEKS):
    rule = performance_rule(test)
    return [
        (change.kind, change.reference_value, change.onset_value)
        for change in series_changes(rule, rule.columns[0], series(*values), (), convention)
        if change.confirmed_date is not None
    ]


def case(relapses=(), **columns: tuple[float | None, ...]) -> Case:
    count = max(len(values) for values in columns.values())
    blank = Visit(START, False, None, {}, None, None, None, None, SOURCE)
    results: list[dict[str, Any]] = [{name: values[at] for name, values in columns.items()} for at in range(count)]
    visits = tuple(replace(blank, date=on(at), **measured) for at, measured in enumerate(results))
    patient = Patient("anna", None, None, False, None, None, "RRMS", None, True, SOURCE)
    return Case(patient, visits, tuple(Relapse(day, (), "unknown", None, "unknown", SOURCE) for day in relapses))


def test_walk_is_slower_from_20_percent_on_and_binary_fractions_do_not_hide_it():
    assert confirmed("t25fw", 5.0, 5.9, 5.9) == []
    assert confirmed("t25fw", 5.0, 6.0, 6.0) == [("CDW", 5.0, 6.0)]
    assert confirmed("t25fw", 5.5, 6.6, 6.6) == [("CDW", 5.5, 6.6)]


def test_faster_walk_is_an_improvement():
    assert confirmed("t25fw", 10.0, 8.0, 8.0) == [("CDI", 10.0, 8.0)]


def test_times_above_the_cap_are_read_as_the_cap():
    assert confirmed("t25fw", 170.0, 400.0, 400.0) == []
    assert confirmed("hpt9", 290.0, 600.0, 600.0) == []
    assert confirmed("t25fw", 100.0, 400.0, 400.0) == [("CDW", 100.0, 180.0)]


def test_symbols_count_from_four_points_or_ten_percent_whichever_is_less():
    assert confirmed("sdmt", 60, 60, 57, 57) == []
    assert confirmed("sdmt", 60, 60, 56, 56) == [("CDW", 60, 56)]
    assert confirmed("sdmt", 30, 30, 27, 27) == [("CDW", 30, 27)]


def test_better_of_the_first_two_symbol_scores_is_the_reference():
    assert confirmed("sdmt", 50, 56, 52, 52) == [("CDW", 56, 52)]
    assert confirmed("sdmt", 56, 50, 52, 52) == [("CDW", 56, 52)]


def test_either_hand_counts():
    changes = performance_changes(
        case(hpt9_dominant_s=(20, 20, 20), hpt9_nondominant_s=(20, 24, 24)), "hpt9", TWELVE_WEEKS
    )
    assert [(change.column, change.kind) for change in changes] == [("hpt9_nondominant_s", "CDW")]


def test_worsening_without_a_later_test_is_not_confirmed():
    (change,) = performance_changes(case(t25fw_s=(5.0, 5.0, 7.0)), "t25fw", TWELVE_WEEKS)
    assert change.confirmed_date is None


def test_result_soon_after_a_relapse_does_not_confirm():
    walk = (5.0, 7.0, 7.0, 7.0)
    (change,) = performance_changes(case([on(2) - timedelta(days=9)], t25fw_s=walk), "t25fw", TWELVE_WEEKS)
    assert change.confirmed_date == on(3)


def test_edss_plus_takes_the_first_component_that_worsened():
    found = edss_plus(
        case(
            edss=(2.0, 2.0, 3.0, 3.0),
            t25fw_s=(5.0, 6.5, 6.5, 6.5),
            hpt9_dominant_s=(20, 20, 20, 20),
            hpt9_nondominant_s=(20, 20, 20, 20),
        ),
        TWELVE_WEEKS,
    )
    assert (found.worsened, found.first) == (True, ("t25fw_s", on(1), on(2)))


def test_edss_plus_is_unknown_not_negative_when_a_component_was_not_measured():
    steady = {"edss": (2.0, 2.0, 2.0), "t25fw_s": (5.0, 5.0, 5.0), "hpt9_dominant_s": (20, 20, 20)}
    found = edss_plus(case(**steady), TWELVE_WEEKS)
    assert (found.worsened, found.not_assessable) == (None, ("hpt9_nondominant_s",))
    complete = edss_plus(case(**steady, hpt9_nondominant_s=(20, 20, 20)), TWELVE_WEEKS)
    assert (complete.worsened, complete.not_assessable) == (False, ())


def test_two_results_on_one_day_are_refused():
    with pytest.raises(ValueError, match="two results of timed 25-foot walk on 2020-01-01"):
        series_changes(performance_rule("t25fw"), "t25fw_s", [Measurement(START, 5.0), Measurement(START, 6.0)])


def test_unknown_test_is_refused_with_the_known_ones():
    with pytest.raises(FactsError, match="choose one of t25fw, hpt9, sdmt"):
        performance_rule("pasat")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('column = ["sdmt"]', 'column = ["pasat"]', "is none of a visit"),
        ("relative = 0.10", "relative = 10", "must lie between 0 and 1"),
        ('worse = "lower"', 'worse = "down"', "is not known"),
        ('tests = ["t25fw", "hpt9"]', 'tests = ["walk"]', "names 'walk'"),
    ],
)
def test_damaged_rules_are_refused_by_file(tmp_path, old, new, message):
    path = tmp_path / "progression.toml"
    path.write_text(PROGRESSION_RULES.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(FactsError, match=message) as caught:
        load_performance_rules(path)
    assert str(path) in str(caught.value)
