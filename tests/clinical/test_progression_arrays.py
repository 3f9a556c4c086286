"""A whole cohort from arrays gives exactly the events its members give one by one."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clams_dash.clinical.convention import Convention
from clams_dash.clinical.definitions import progression_rules
from clams_dash.clinical.progression import Score, confirmed_changes
from clams_dash.clinical.progression_arrays import LABELS, NO_DAY, score_cohort
from clams_dash.cohort.simulate import simulate_cohort
from clams_dash.model.tables import EDSS_STEPS

ORIGIN = date(2000, 1, 1)
people = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(14, 400), st.sampled_from([*EDSS_STEPS[:12], None])), min_size=1, max_size=12),
        st.lists(st.integers(0, 3000), max_size=4),
    ),
    min_size=1,
    max_size=6,
)
conventions = st.builds(
    Convention.named,
    st.sampled_from(sorted(progression_rules().definitions)),
    threshold=st.sampled_from(["A", "B"]),
    confirm_days=st.sampled_from([84, 168]),
    tolerance_days=st.sampled_from([0, 7]),
    late_days=st.sampled_from([None, 84]),
    event=st.sampled_from(["first", "multiple"]),
    sustained_days=st.sampled_from([0, 365, None]),
)


def arrays(persons):
    rows = [
        (number, day, np.nan if edss is None else edss)
        for number, (course, _) in enumerate(persons)
        for day, edss in zip(np.cumsum([gap for gap, _ in course]), (edss for _, edss in course), strict=True)
    ]
    attacks = [(number, day) for number, (_, relapses) in enumerate(persons) for day in relapses]
    person, day, edss = (np.array(column) for column in zip(*rows, strict=True))
    falls = np.array(attacks, dtype=np.int64).reshape(-1, 2)
    return {
        "person": person.astype(np.int64), "day": day.astype(np.int64), "edss": edss.astype(float),
        "relapse_person": falls[:, 0], "relapse_day": falls[:, 1],
    }  # fmt: skip


def one_by_one(person, day, edss, relapse_person, relapse_day, convention):
    for number in np.unique(person):
        own = (person == number) & ~np.isnan(edss)
        scores = [Score(ORIGIN + timedelta(int(when)), value) for when, value in zip(day[own], edss[own], strict=True)]
        relapses = [ORIGIN + timedelta(int(when)) for when in relapse_day[relapse_person == number]]
        for event in confirmed_changes(scores, relapses, convention).events:
            yield (
                int(number), event.kind, event.reference_edss, event.onset_edss, event.label or "",
                *((when - ORIGIN).days if when else NO_DAY for when in
                  (event.reference_date, event.onset_date, event.confirmed_date, event.label_confirmed_date)),
            )  # fmt: skip


def rows_of(events):
    kinds = np.where(events.worsening, "CDW", "CDI").tolist()
    labels = [LABELS[code] for code in events.label]
    columns = (events.person, kinds, events.reference_edss, events.onset_edss, labels, events.reference_day,
               events.onset_day, events.confirmed_day, events.label_day)  # fmt: skip
    return list(zip(*(getattr(column, "tolist", lambda column=column: column)() for column in columns), strict=True))


@given(people, conventions)
def test_cohort_equals_its_members_under_every_convention(persons, convention):
    table = arrays(persons)
    assert rows_of(score_cohort(**table, convention=convention)) == list(one_by_one(**table, convention=convention))


def test_order_of_rows_does_not_matter_and_persons_need_not_be_contiguous():
    person, day = np.array([7, 3, 7, 3, 7]), np.array([200, 0, 0, 90, 100])
    edss = np.array([3.0, 4.0, 2.0, 4.0, 3.0])
    nothing = np.array([], dtype=np.int64)
    found = score_cohort(person, day, edss, nothing, nothing, Convention(confirm_days=84))
    assert rows_of(found) == [(7, "CDW", 2.0, 3.0, "PIRA", 0, 100, 200, 200)]
    assert (found.people, found.days_followed, found.count("PIRA")) == (2, 290, 1)


def test_no_rows_give_no_events():
    nothing = np.array([], dtype=np.int64)
    found = score_cohort(nothing, nothing, nothing.astype(float), nothing, nothing)
    assert (len(found.person), found.people, found.days_followed) == (0, 0, 0)


@pytest.mark.parametrize(
    ("day", "edss", "message"),
    [([0, 90], [2.0, 0.5], "0.5 of person 4 on day 90"), ([5, 5], [2.0, 3.0], "two EDSS scores of person 4 on day 5")],
)
def test_impossible_rows_are_refused_by_person_and_day(day, edss, message):
    nothing = np.array([], dtype=np.int64)
    with pytest.raises(ValueError, match=message):
        score_cohort(np.array([4, 4]), np.array(day), np.array(edss), nothing, nothing)


def test_simulated_cohort_shows_pira_and_raw_as_registries_do():
    frames = simulate_cohort(300, 3)
    codes = {name: number for number, name in enumerate(frames["patient"]["patient_id"])}
    visits, relapses = frames["visit"], frames["relapse"]
    found = score_cohort(
        *(visits["patient_id"].map(codes).to_numpy(np.int64), days_of(visits), visits["edss"].to_numpy(float)),
        *(relapses["patient_id"].map(codes).to_numpy(np.int64), days_of(relapses)),
    )
    assert 0.44 <= found.count("PIRA") / (found.count("PIRA") + found.count("RAW")) <= 0.88


def days_of(frame):
    return frame["date"].to_numpy("datetime64[D]").astype(np.int64)
