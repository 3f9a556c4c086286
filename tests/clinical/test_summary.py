"""The summary as one document: its keys, its words, and that it holds for every case of a demo pool."""

import json
from datetime import date

import pytest

from clams_dash.cli.output import _plain
from clams_dash.clinical.convention import Convention
from clams_dash.clinical.summary import events, summary
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from tests.clinical import stories
from tests.clinical.chart import case, on, visit

STORIES = {story.title: story for story in stories.load()}
KEYS = {"patient", "as_of", "since_last_visit", "activity", "events", "lesions", "labs", "safety", "neda", "scores"}


@pytest.mark.parametrize("story", STORIES.values(), ids=lambda story: story.title)
def test_the_document_has_what_the_contract_names_and_every_entry_its_source(story):
    document = json.loads(json.dumps(summary(story.case, story.as_of).to_json(), default=_plain))
    assert set(document) >= KEYS
    assert document["as_of"] == story.as_of.isoformat()
    for item in document["since_last_visit"]:
        assert set(item) == {"kind", "text", "severity", "source"}
        assert "stories.toml, row" in item["source"]
    for field in ("relapse", "edss", "t2", "gd", "brain_volume", "safety"):
        assert document["activity"][field]["state"] in ("ok", "watch", "alert", "not_assessable")
        assert document["activity"][field]["reason"]
    assert all("stories.toml, row" in one["source"] for one in [*document["events"], *document["labs"]])


def test_the_convention_in_force_is_in_the_document_and_decides():
    story = STORIES["From 5.5 to 6.0: the convention decides"]
    by_a, by_b = (summary(story.case, story.as_of, Convention(threshold=name)).to_json() for name in ("A", "B"))
    assert (by_a["convention"]["threshold"], by_b["convention"]["threshold"]) == ("A", "B")
    assert (by_a["activity"]["edss"]["state"], by_b["activity"]["edss"]["state"]) == ("alert", "ok")
    assert [one["kind"] for one in by_a["events"]].count("CDW") == 1
    assert "CDW" not in [one["kind"] for one in by_b["events"]]


def test_events_are_most_recent_first_and_say_what_is_not_known():
    chart = case(
        visits=[visit(date(2025, 1, 1), None), visit(date(2025, 6, 1), 3.0)], treatments=[on("none", date(2020, 1, 1))]
    )
    found = events(chart, date(2026, 1, 1), Convention())
    assert [one.text for one in found] == ["EDSS 3.0", "visit, EDSS not recorded"]


def test_a_drug_unknown_to_the_catalogue_gets_a_summary_that_says_so():
    chart = case(visits=[visit(date(2025, 1, 1), 2.0)], treatments=[on("trial_drug_x", date(2024, 1, 1))])
    found = summary(chart, date(2025, 2, 1)).to_json()
    assert found["activity"]["safety"]["state"] == "not_assessable"
    assert "trial_drug_x" in found["activity"]["safety"]["reason"]


def test_every_third_demo_patient_has_a_summary_and_nobody_without_a_treatment_record_reads_as_safe(demo_pool):
    database = Database(demo_pool)
    people = cases.case_page(database, rows=300, sort=cases.SortKey.PATIENT)[0]
    assert len(people) == 300
    untreated = 0
    for row in people[::3]:
        chart = cases.load_case(database, row.patient_id)
        day = chart.last_date()
        if day is None:
            continue
        found = summary(chart, day)
        json.dumps(found.to_json(), default=_plain)
        assert found.since_last_visit
        if not chart.treatments:
            untreated += 1
            assert found.strip.safety.state == "not_assessable"
    assert untreated > 0
