"""Searching and sorting the list of cases without reading all of it.

A search finds cases whose pseudonym, course, therapy or centre holds the text. Courses, therapies and centres are few
and counted when the version is built (``case_word``); a pseudonym that holds the text has an ending that begins with
it, and endings are kept sorted (``case_ending``). The list is kept in the order it has at first (``place``), so that
its first pages are read from the top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clams_dash.pool.database import Database, Snapshot

_ENDING_LETTERS = 8
_LISTED = 500
"""So many people are looked up by their places."""
_FIELDS = ("course", "dmt", "centre")
_SORTED_BY = {
    name: name
    for name in (
        "patient_id", "sex", "course", "centre", "last_edss", "dmt", "relapses_24m", "last_date", "last_mri_date",
        "last_new_t2", "studies_with_images",
    )
} | {"age": "birth_date"}  # fmt: skip
_IN_ENDINGS = "ending >= ? AND ending < ?"


def find(
    database: Database, text: str, *, sort: str, descending: bool, rows: int, first: int
) -> tuple[list[dict[str, Any]], int]:
    """Rows ``first`` to ``first + rows`` of the list of cases that hold ``text`` (lower case), and how many do.

    Raises ValueError for an unknown sort key.
    """
    order = _order(sort, descending)
    return database.ask(lambda pool: _found(pool, text, order, rows, first))


def _found(pool: Snapshot, text: str, order: str, rows: int, first: int) -> tuple[list[dict[str, Any]], int]:
    if not text:
        return _page(pool, "", (), order, rows, first), int(pool.rows("pool_counts")[0]["patients"])
    matches = _matches(pool, text)
    if not matches.words and not matches.people:
        return [], 0
    condition, values = matches.condition(text)
    if not matches.words and matches.people <= _LISTED:
        condition, values = _among_listed(pool, text)
    found = matches.known_count(text)
    if found is None:
        counted = f"SELECT count(*) AS n FROM case_summary WHERE {condition}"  # noqa: S608 - names and placeholders only
        found = int(pool.query(counted, values)[0]["n"])
    if matches.words or order != "place" or len(text) > _ENDING_LETTERS:
        return _page(pool, f"WHERE {condition}", values, order, rows, first), found
    return _page_of_people(pool, text, rows, first), found


def _among_listed(pool: Snapshot, text: str) -> tuple[str, list[Any]]:
    """Condition of a few people by their places: as constants these let DuckDB skip all other row groups."""
    places = pool.query(f"SELECT DISTINCT place FROM case_ending WHERE {_IN_ENDINGS}", _endings(text))  # noqa: S608
    return f"place IN ({', '.join(str(row['place']) for row in places)}) AND contains(lower(patient_id), ?)", [text]


@dataclass(frozen=True, slots=True)
class _Matches:
    """Courses, therapies and centres that hold a text, and people with an ending that begins as the text does."""

    words: Mapping[str, Mapping[str, int]]
    people: int

    def condition(self, text: str) -> tuple[str, list[Any]]:
        """SQL condition of ``case_summary`` with its values."""
        parts: list[str] = []
        values: list[Any] = []
        for field, found in self.words.items():
            parts.append(f"{field} IN ({', '.join('?' * len(found))})")
            values += found
        if self.people:
            parts.append(
                f"(place IN (SELECT place FROM case_ending WHERE {_IN_ENDINGS}) AND contains(lower(patient_id), ?))"  # noqa: S608
            )
            values += [*_endings(text), text]
        return " OR ".join(parts), values

    def known_count(self, text: str) -> int | None:
        """How many cases match where that needs no look at the cases themselves."""
        if not self.people and len(self.words) == 1:
            return sum(next(iter(self.words.values())).values())
        return self.people if not self.words and len(text) <= _ENDING_LETTERS else None


def _matches(pool: Snapshot, text: str) -> _Matches:
    words: dict[str, dict[str, int]] = {}
    for row in pool.rows("found_words", [text]):
        words.setdefault(row["field"], {})[row["value"]] = int(row["people"])
    if not text.isascii():  # pseudonyms are
        return _Matches(words, 0)
    counted = f"SELECT count(DISTINCT place) AS n FROM case_ending WHERE {_IN_ENDINGS}"  # noqa: S608
    return _Matches(words, int(pool.query(counted, _endings(text))[0]["n"]))


def _endings(text: str) -> list[str]:
    """First ending that begins as the text does, and the first one after them."""
    low = text[:_ENDING_LETTERS]
    return [low, low[:-1] + chr(ord(low[-1]) + 1)]


def _order(sort: str, descending: bool) -> str:
    if sort not in _SORTED_BY:
        raise ValueError(f"{sort!r} is no sort key of the list of cases")
    if sort == "studies_with_images" and descending:
        return "place"
    down = descending != (sort == "age")  # the older, the earlier born
    return f"{_SORTED_BY[sort]} {'DESC' if down else 'ASC'} NULLS LAST, place"


def _page(pool: Snapshot, where: str, values: Sequence[Any], order: str, rows: int, first: int) -> list[dict[str, Any]]:
    sql = f"SELECT * FROM case_summary {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608 - names and placeholders only
    return pool.query(sql, [*values, rows, first])


def _page_of_people(pool: Snapshot, text: str, rows: int, first: int) -> list[dict[str, Any]]:
    """A page in the list's own order of people whose pseudonym holds a short text."""
    sql = f"SELECT DISTINCT place FROM case_ending WHERE {_IN_ENDINGS} ORDER BY place LIMIT ? OFFSET ?"  # noqa: S608
    places = [row["place"] for row in pool.query(sql, [*_endings(text), rows, first])]
    if not places:
        return []
    # Listed as constants, places let DuckDB skip the row groups that hold none of them.
    return _page(pool, f"WHERE place IN ({', '.join(map(str, places))})", (), "place", rows, 0)
