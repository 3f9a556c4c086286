"""What a report says of new lesions: negations, numbers, words that only sound like it; conflicts with the masks."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clams_dash.clinical.report_reading import TOPICS, Said, conflict_with, load_words, read_report
from clams_dash.cohort.phantom_parameters import Reports
from clams_dash.cohort.phantom_reports import Reading, write_report
from clams_dash.errors import FactsError
from clams_dash.model.records import Counted

SENTENCES: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("report_sentences.toml").read_text(encoding="utf-8")
)["s"]


def _told(said: Said) -> object:
    return said.number if said.kind == "number" else said.kind


@pytest.mark.parametrize("row", SENTENCES, ids=lambda row: row["t"][:60])
def test_a_sentence_is_read_as_a_radiologist_means_it(row: dict[str, Any]) -> None:
    reading = read_report(row["t"])
    assert {topic: _told(getattr(reading, topic)) for topic in TOPICS} == {
        topic: row.get(topic, "not_said") for topic in TOPICS
    }


def test_the_sentences_are_many_and_in_two_languages() -> None:
    assert len(SENTENCES) >= 60
    assert sum(any(word in row["t"] for word in ("Läsion", "Kein", "Herd", "neue")) for row in SENTENCES) >= 20


def test_the_sentence_is_quoted_as_it_stands() -> None:
    reading = read_report("MRI of the head.\nTwo new lesions left. No enhancement.")
    assert reading.new == Said("number", 2, "Two new lesions left.")
    assert reading.gd == Said("none", None, "No enhancement.")


def test_a_new_lesion_told_anywhere_outweighs_a_none_elsewhere() -> None:
    assert read_report("No new infratentorial lesions. One new periventricular lesion.").new.number == 1


@pytest.mark.parametrize("text", [None, "", "   ", "....", "12.03.2021"])
def test_a_report_that_says_nothing_says_nothing(text: str | None) -> None:
    assert {getattr(read_report(text), topic).kind for topic in TOPICS} == {"not_said"}


def _count(value: int, low: int | None = None, high: int | None = None) -> Counted:
    return Counted(value, value if low is None else low, value if high is None else high, "high")


@pytest.mark.parametrize(
    ("said", "masks", "conflict"),
    [
        (Said("none"), _count(0), False),
        (Said("none"), _count(2), True),
        (Said("none"), _count(1, 0, 1), False),
        (Said("number", 2), _count(2), False),
        (Said("number", 1), _count(3), True),
        (Said("number", 3), _count(2, 2, 3), False),
        (Said("some"), _count(0), True),
        (Said("some"), _count(4), False),
        (Said("unclear"), _count(4), False),
        (Said("not_said"), _count(4), False),
    ],
)
def test_a_report_conflicts_when_its_number_is_beyond_what_the_masks_allow(
    said: Said, masks: Counted, conflict: bool
) -> None:
    found = conflict_with(Said(said.kind, said.number, "As written."), masks)
    assert (found is not None) == conflict
    if found is not None:
        assert "“As written.”" in found.text


def test_every_known_conflict_of_phantom_reports_is_found_and_no_other() -> None:
    rng = np.random.default_rng(11)
    known = found = both = 0
    for number in range(600):
        new = int(rng.choice([0, 0, 1, 2, 3, 5, 9]))
        reading = Reading(
            new_t2=new, enlarging_t2=int(rng.integers(0, 3)), gd_lesions=int(rng.integers(0, 3)),
            t2_count=int(rng.integers(1, 60)), contrast=[None, True, False][number % 3],
            compared_on=date(2021, 3, 12) if number % 2 else None, same_scanner=bool(number % 5),
        )  # fmt: skip
        report = write_report(reading, bool(number % 2), Reports(0.3, 0.5), rng)
        flagged = conflict_with(read_report(report.text).new, _count(new)) is not None
        known += report.conflict is not None
        found += flagged
        both += flagged and report.conflict is not None
    assert known > 100
    assert both / known == 1.0
    assert both / found == 1.0


def test_a_faulty_file_of_words_is_named(tmp_path: Path) -> None:
    file = tmp_path / "words.toml"
    file.write_text("lesion = '('", encoding="utf-8")
    with pytest.raises(FactsError, match=r"words\.toml"):
        load_words(file)
