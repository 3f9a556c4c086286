"""Confirmed worsening against golden vectors (pymsprog, drstrupf and msclinical runs) and general laws."""

from dataclasses import fields, replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clams_dash.clinical.convention import Convention
from clams_dash.clinical.definitions import progression_rules
from clams_dash.clinical.edss import threshold
from clams_dash.clinical.progression import Score, change_from, confirmed_changes
from clams_dash.model.tables import EDSS_STEPS

START = date(2020, 1, 1)


def every_91_days(*edss: float) -> list[Score]:
    return [Score(START + timedelta(days=91 * visit), value) for visit, value in enumerate(edss)]


def day_of(found: date) -> int:
    return (found - START).days


def onsets(edss, convention, kind="CDW"):
    events = confirmed_changes(every_91_days(*edss), (), convention).events
    return [day_of(event.onset_date) for event in events if event.kind == kind]


GOLDEN_CDW = [
    ((0, 1, 1, 1), [], []),
    ((0, 1.5, 1.5, 1.5), [91], [91]),
    ((5, 5.5, 5.5, 5.5), [], []),
    ((5.5, 6, 6, 6), [91], []),
    ((2, 3, 2.5, 3, 3, 3), [273], [273]),
    ((2, 2, 2, 3), [], []),
    ((4, 6, 5, 5), [91], [91]),
    ((4, 6, 4.5, 4.5), [], []),
]


@pytest.mark.parametrize("reference", ["fixed", "roving"])
@pytest.mark.parametrize(("edss", "a", "b"), GOLDEN_CDW)
def test_golden_worsening_under_both_threshold_conventions(edss, a, b, reference):
    assert onsets(edss, Convention(threshold="A", confirm_days=84, reference=reference)) == a
    assert onsets(edss, Convention(threshold="B", confirm_days=84, reference=reference)) == b


@pytest.mark.parametrize("edss", [(4, 3, 3, 3), (6, 5.5, 5.5, 5.5)])
def test_golden_improvement(edss):
    assert onsets(edss, Convention(threshold="A", confirm_days=84), kind="CDI") == [91]


def test_change_without_later_visit_is_unconfirmed_not_an_event():
    found = confirmed_changes(every_91_days(2, 2, 2, 3), (), Convention(confirm_days=84))
    assert found.events == ()
    assert [(day_of(change.onset_date), change.kind) for change in found.unconfirmed] == [(273, "CDW")]


def test_change_that_did_not_hold_is_neither_confirmed_nor_unconfirmed():
    found = confirmed_changes(every_91_days(4, 6, 4.5, 4.5), (), Convention(confirm_days=84))
    assert found.events == ()
    assert found.unconfirmed == ()


def test_24_week_confirmation_waits_for_the_visit_on_day_182_after_onset():
    event = confirmed_changes(every_91_days(2, 3, 3, 3), (), Convention(confirm_days=168)).first("CDW")
    assert event is not None
    assert (day_of(event.onset_date), day_of(event.confirmed_date)) == (91, 273)


def test_tolerance_lets_an_early_visit_confirm():
    scores = [Score(START, 2), Score(START + timedelta(days=90), 3), Score(START + timedelta(days=168), 3)]
    assert confirmed_changes(scores, (), Convention(confirm_days=84)).events == ()
    assert len(confirmed_changes(scores, (), Convention(confirm_days=84, tolerance_days=7)).events) == 1


def test_visit_soon_after_a_relapse_does_not_confirm():
    scores = every_91_days(2, 3, 3, 3)
    relapse = [scores[2].date - timedelta(days=10)]
    event = confirmed_changes(scores, relapse, Convention(confirm_days=84)).first("CDW")
    assert event is not None
    assert event.confirmed_date == scores[3].date


def test_visit_soon_after_a_relapse_is_no_reference():
    scores = every_91_days(2, 3, 3, 3)
    relapse = [scores[0].date - timedelta(days=29)]
    assert confirmed_changes(scores, relapse, Convention(confirm_days=84)).events == ()
    relapse = [scores[0].date - timedelta(days=30)]
    assert len(confirmed_changes(scores, relapse, Convention(confirm_days=84)).events) == 1


def test_roving_reference_counts_each_step_once_and_fixed_only_the_first():
    edss = (2, 3, 3, 4, 4, 4)
    assert onsets(edss, Convention(confirm_days=84)) == [91, 273]
    assert onsets(edss, Convention(confirm_days=84, event="first")) == [91]
    assert onsets(edss, Convention(confirm_days=84, reference="fixed")) == [91]


def test_roving_reference_after_improvement_lets_the_return_count_as_worsening():
    edss = (4, 3, 3, 4, 4)
    assert onsets(edss, Convention(confirm_days=84)) == [273]
    assert onsets(edss, Convention(confirm_days=84, reference="fixed")) == []


def test_change_from_a_given_reference_ignores_eligibility_of_the_reference():
    reference, *later = every_91_days(2, 3, 3, 3)
    found = change_from(reference, later, [reference.date], Convention(confirm_days=84))
    first = found.first("CDW")
    assert first is not None
    assert first.reference_edss == 2
    with pytest.raises(ValueError, match="after the reference"):
        change_from(later[0], [reference], [], Convention())


def test_two_scores_on_one_day_are_refused():
    with pytest.raises(ValueError, match="two EDSS scores on 2020-01-01"):
        confirmed_changes([Score(START, 2), Score(START, 3)])


def test_no_visit_or_only_visits_in_relapse_give_no_result():
    assert confirmed_changes([]).events == ()
    assert confirmed_changes([Score(START, 2)], [START]).events == ()


@pytest.mark.parametrize(
    "wrong",
    [{"confirm_days": 0}, {"tolerance_days": 168}, {"relapse_days": -1}, {"reference": "none"}, {"event": "all"}],
)
def test_impossible_conventions_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Convention(**wrong)


relapse_days = st.lists(st.integers(-200, 3000), max_size=4)
courses = st.lists(
    st.tuples(st.integers(min_value=14, max_value=400), st.sampled_from(EDSS_STEPS)), min_size=1, max_size=14
)


def scores_of(course) -> list[Score]:
    scores, day = [], START
    for gap, edss in course:
        day += timedelta(days=gap)
        scores.append(Score(day, edss))
    return scores


@given(
    courses,
    st.lists(st.integers(0, 3000), max_size=4),
    st.sampled_from(["A", "B"]),
    st.sampled_from(["fixed", "roving"]),
)
def test_every_event_holds_from_onset_to_confirmation(course, relapse_days, convention, reference):
    scores = scores_of(course)
    relapses = [START + timedelta(days=day) for day in relapse_days]
    chosen = Convention(threshold=convention, confirm_days=84, reference=reference)
    for event in confirmed_changes(scores, relapses, chosen).events:
        step = threshold(convention).delta(event.reference_edss)
        between = [score for score in scores if event.onset_date <= score.date <= event.confirmed_date]
        sign = 1 if event.kind == "CDW" else -1
        assert all(sign * (score.edss - event.reference_edss) >= step for score in between)
        assert (event.confirmed_date - event.onset_date).days >= 84
        assert not any(0 <= (event.confirmed_date - relapse).days < 30 for relapse in relapses)
        assert not any(0 <= (event.reference_date - relapse).days < 30 for relapse in relapses)


def dates_of(event):
    return (event.kind, event.reference_date, event.reference_edss, event.onset_date, event.confirmed_date)


@given(
    courses,
    st.sampled_from(EDSS_STEPS),
    st.integers(1, 900),
    relapse_days,
    st.sampled_from(["fixed", "roving", "own"]),
    st.sampled_from(sorted(progression_rules().definitions)),
)
def test_a_later_visit_never_changes_the_dates_of_a_confirmed_event(course, edss, gap, relapses, reference, pira):
    scores = scores_of(course)
    attacks = [START + timedelta(days=day) for day in relapses]
    own = {} if reference == "own" else {"reference": reference}
    convention = Convention.named(pira, confirm_days=84, **own)
    before = confirmed_changes(scores, attacks, convention).events
    more = [*scores, Score(scores[-1].date + timedelta(days=gap), edss)]
    after = {dates_of(event): event for event in confirmed_changes(more, attacks, convention).events}
    for earlier in before:
        later = after[dates_of(earlier)]
        if earlier.label == later.label:
            assert earlier.label_confirmed_date == later.label_confirmed_date
        else:
            assert (earlier.label, later.label, earlier.label_final) == ("undefined", "PIRA", False)


@given(courses)
def test_order_of_the_visits_given_does_not_matter(course):
    scores = scores_of(course)
    assert confirmed_changes(scores[::-1]) == confirmed_changes(scores)


@given(courses, relapse_days, st.sampled_from(sorted(progression_rules().definitions)), st.integers(-20_000, 20_000))
def test_shifting_all_dates_shifts_the_result_and_changes_nothing_else(course, relapses, pira, days):
    convention = Convention.named(pira, confirm_days=84)
    shift = timedelta(days=days)
    scores, attacks = scores_of(course), [START + timedelta(days=day) for day in relapses]
    plain = confirmed_changes(scores, attacks, convention)
    moved = confirmed_changes(
        [Score(score.date + shift, score.edss) for score in scores], [attack + shift for attack in attacks], convention
    )
    assert [shifted(event, shift) for event in plain.events] == list(moved.events)
    assert [shifted(change, shift) for change in plain.unconfirmed] == list(moved.unconfirmed)


def shifted(record, shift):
    moved = {
        one.name: getattr(record, one.name) + shift
        for one in fields(record)
        if isinstance(getattr(record, one.name), date)
    }
    return replace(record, **moved)


def test_confirmation_window_may_end():
    scores = [Score(START + timedelta(days=day), edss) for day, edss in ((0, 2), (100, 3), (400, 3), (500, 3))]
    late = Convention(confirm_days=84, late_days=84)
    event = confirmed_changes(scores, (), late).first("CDW")
    assert event is not None
    assert (day_of(event.onset_date), day_of(event.confirmed_date)) == (400, 500)
    event = confirmed_changes(scores, (), Convention(confirm_days=84)).first("CDW")
    assert event is not None
    assert day_of(event.onset_date) == 100


def test_sustained_worsening_holds_to_the_last_visit_or_as_long_as_asked():
    edss = (2, 3, 3, 3, 3, 2, 2)
    assert onsets(edss, Convention(confirm_days=84)) == [91]
    assert onsets(edss, Convention(confirm_days=84, sustained_days=364)) == [91]
    assert onsets(edss, Convention(confirm_days=84, sustained_days=365)) == []
    assert onsets(edss, Convention(confirm_days=84, sustained_days=None)) == []
    assert onsets(edss[:5], Convention(confirm_days=84, sustained_days=None)) == [91]


def test_event_says_until_when_it_held():
    event = confirmed_changes(every_91_days(2, 3, 3, 3, 2), (), Convention(confirm_days=84)).first("CDW")
    assert event is not None
    assert day_of(event.held_until) == 273


def test_reference_that_follows_improvement_only_keeps_its_place_after_worsening():
    edss = (4, 3, 3, 4, 4, 5, 5)
    follows = Convention(confirm_days=84, reference="roving_improvement")
    assert onsets(edss, follows) == [273]
    assert onsets(edss, follows, "CDI") == [91]
    assert onsets((2, 3, 3, 4, 4), Convention(confirm_days=84, reference="roving_worsening")) == [91, 273]


def test_onset_may_have_to_keep_its_distance_from_a_relapse():
    scores = every_91_days(2, 3, 3, 3, 3)
    relapse = [scores[1].date - timedelta(days=10)]
    assert len(confirmed_changes(scores, relapse, Convention(confirm_days=84)).events) == 1
    event = confirmed_changes(scores, relapse, Convention(confirm_days=84, onset_relapse_days=30)).first("CDW")
    assert event is not None
    assert day_of(event.onset_date) == 182


def test_trials_count_improvement_from_a_reference_of_2_only():
    assert onsets((1.5, 0, 0, 0), Convention(confirm_days=84), "CDI") == [91]
    assert onsets((1.5, 0, 0, 0), Convention(confirm_days=84, improvement_from=2.0), "CDI") == []
    assert onsets((2, 1, 1, 1), Convention(confirm_days=84, improvement_from=2.0), "CDI") == [91]


def test_single_visit_is_no_change_and_the_note_says_so():
    found = confirmed_changes([Score(START, 2)])
    assert (found.events, found.unconfirmed) == ((), ())
    assert found.notes == ("only one visit has an EDSS; a change cannot be judged",)


def test_visits_all_in_relapse_give_no_reference_and_the_note_says_so():
    found = confirmed_changes(every_91_days(2, 3), [START, START + timedelta(days=90)])
    assert found.notes == ("every visit is within 30 days after a relapse; there is no reference",)
