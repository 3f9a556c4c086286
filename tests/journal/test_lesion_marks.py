"""Disputed lesions: the last word stands, every word stays, and an erased person leaves none."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clams_dash.errors import ClamsError
from clams_dash.journal.lesion_marks import LesionKey, disputed_lesions, lesion_marks, mark_lesion
from clams_dash.journal.store import forget, journal_file

FIRST = LesionKey("anna-1", "a" * 32, 1)
SECOND = LesionKey("anna-1", "a" * 32, 2)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return journal_file(tmp_path / "pool")


def test_the_journal_lies_beside_the_pool_and_not_in_it(tmp_path: Path) -> None:
    path = journal_file(tmp_path / "pool")
    assert path.parent == tmp_path
    assert not path.is_relative_to(tmp_path / "pool")


def test_reading_a_journal_that_is_not_there_makes_none(journal: Path) -> None:
    assert disputed_lesions(journal, "anna") == frozenset()
    assert not journal.exists()


def test_the_last_word_on_a_lesion_stands(journal: Path) -> None:
    mark_lesion(journal, "anna", FIRST, disputed=True)
    mark_lesion(journal, "anna", SECOND, disputed=True)
    mark_lesion(journal, "anna", FIRST, disputed=False)
    assert disputed_lesions(journal, "anna") == {SECOND}
    assert [mark.lesion for mark in lesion_marks(journal, "anna")] == [SECOND, FIRST]


def test_a_mark_belongs_to_one_mask_and_one_person(journal: Path) -> None:
    mark_lesion(journal, "anna", FIRST, disputed=True)
    assert LesionKey("anna-1", "b" * 32, 1) not in disputed_lesions(journal, "anna")
    assert disputed_lesions(journal, "ben") == frozenset()


@pytest.mark.parametrize("change", ["UPDATE lesion_mark SET disputed = 0", "DELETE FROM lesion_mark"])
def test_nothing_written_can_be_changed_or_taken_away(journal: Path, change: str) -> None:
    mark_lesion(journal, "anna", FIRST, disputed=True)
    with sqlite3.connect(journal) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(change)
    connection.close()
    assert disputed_lesions(journal, "anna") == {FIRST}


def test_an_erased_person_leaves_no_trace_and_the_others_stay(journal: Path) -> None:
    for person in ("anna-to-be-erased", "ben"):
        mark_lesion(journal, person, FIRST, disputed=True)
        mark_lesion(journal, person, FIRST, disputed=False)
    assert forget(journal, "anna-to-be-erased") == 2
    left = b"".join(file.read_bytes() for file in journal.parent.glob(f"{journal.name}*"))
    assert b"anna-to-be-erased" not in left
    assert len(lesion_marks(journal, "ben")) == 1
    with sqlite3.connect(journal) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("DELETE FROM lesion_mark")
    connection.close()


def test_marks_made_at_once_are_all_kept(journal: Path) -> None:
    keys = [LesionKey("anna-1", "a" * 32, number) for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: mark_lesion(journal, "anna", key, disputed=True), keys))
    assert disputed_lesions(journal, "anna") == set(keys)


def test_a_file_that_is_no_journal_is_named_and_left_alone(journal: Path) -> None:
    journal.write_text("not a database, but somebody's notes")
    with pytest.raises(ClamsError, match=journal.name):
        mark_lesion(journal, "anna", FIRST, disputed=True)
    assert journal.read_text() == "not a database, but somebody's notes"
