"""Twenty cases written before the rules by someone who did not write them: strip, reasons and line since last visit."""

from __future__ import annotations

import pytest

from clams_dash.clinical.activity.since_last_visit import since_last_visit
from clams_dash.clinical.activity.strip import activity_strip
from clams_dash.clinical.convention import Convention
from tests.clinical import stories

STORIES = stories.load()
BOTH_CONVENTIONS = [story for story in STORIES if story.under_convention_b]
by_title = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.title)


def _lacks(text, fragments):
    return [fragment for fragment in fragments if fragment.lower() not in text.lower()]


def _line(story, convention=None):
    return since_last_visit(story.case, story.as_of, convention)


def _assert_line(found, expected):
    assert [item.kind for item in found] == [item.kind for item in expected], [item.text for item in found]
    for item, wanted in zip(found, expected, strict=True):
        assert not _lacks(item.text, wanted.contains), item.text


def test_there_are_twenty_of_them():
    assert len(STORIES) == 20


@by_title
def test_strip(story):
    strip = dict(activity_strip(story.case, story.as_of).items())
    states = {field: one.state for field, one in strip.items()}
    assert states == story.activity, {field: one.reason for field, one in strip.items()}
    for field, fragments in story.reason_contains.items():
        assert not _lacks(strip[field].reason, fragments), strip[field].reason


@by_title
def test_line_since_the_last_visit(story):
    _assert_line(_line(story), story.since_last_visit)


@by_title
def test_every_item_and_every_finding_of_the_strip_leads_to_its_rows(story):
    rows = {record.source for group in (
        story.case.visits, story.case.relapses, story.case.treatments, story.case.facts, story.case.labs,
        story.case.scans, [story.case.patient],
    ) for record in group}  # fmt: skip
    for item in _line(story):
        assert item.sources, item.text
        assert set(item.sources) <= rows
    for field, one in activity_strip(story.case, story.as_of).items():
        assert set(one.sources) <= rows
        assert one.sources or one.state == "not_assessable", field


@pytest.mark.parametrize("story", BOTH_CONVENTIONS, ids=lambda story: story.title)
def test_the_other_threshold_convention_changes_the_answer(story):
    convention = Convention(threshold="B")
    wanted = story.under_convention_b
    strip = dict(activity_strip(story.case, story.as_of, convention).items())
    assert {field: strip[field].state for field in wanted["activity"]} == wanted["activity"]
    _assert_line(_line(story, convention), stories.expected_items(wanted["since_last_visit"]))
