"""How people are named on the way in: pseudonyms where asked, other centres' names where a centre linked them.

Everything happens to the raw frames, before any check, so that neither a row nor a fault brings an identifier along.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pandas as pd

from clams_dash.errors import ImportRefused
from clams_dash.ingest.known import Known
from clams_dash.ingest.links import Link, agreed
from clams_dash.ingest.parse import is_blank, parse_column
from clams_dash.ingest.pseudonyms import Pseudonyms, free_text
from clams_dash.ingest.staging import FILE, ROW, Reject, Staged
from clams_dash.model import tables
from clams_dash.pool.database import Database

_TOKEN = re.compile(r"[\w./@+-]+")


@dataclass(frozen=True, slots=True)
class Arrival:
    """How an import's people are to be named; by default as the source names them."""

    pseudonyms: Pseudonyms | None = None
    links: tuple[Link, ...] = ()

    def mark(self) -> str:
        """Text that differs where people would be named otherwise; empty for names as given."""
        if self.pseudonyms is None:
            return repr(self.links) if self.links else ""
        words = None if self.pseudonyms.words is None else sorted(self.pseudonyms.words)
        return f"{self.pseudonyms.key_id} {self.pseudonyms.shift_days} {words} {self.links}"


AS_GIVEN = Arrival()


@dataclass(frozen=True)
class Arrived:
    """The source under the pool's names, new rows of ``patient_link``, and what must not be told on."""

    staged: Staged
    links: pd.DataFrame
    secret: frozenset[str] = frozenset()
    pseudonyms: Pseudonyms | None = None

    def told(self, rejects: Iterable[Reject]) -> list[Reject]:
        """Faults as they may be kept: with pseudonyms, only numbers of them and no identifier."""
        return [self._told(reject) for reject in rejects]

    def _told(self, reject: Reject) -> Reject:
        if self.pseudonyms is None:
            return reject
        reason = reject.reason
        for name in self.secret:
            if not _TOKEN.fullmatch(name):
                reason = reason.replace(name, "[removed]")
        reason = _TOKEN.sub(lambda found: "[removed]" if found.group() in self.secret else found.group(), reason)
        return replace(reject, reason=reason, value=reject.value if _is_number(reject.value) else None)

    def source(self) -> str:
        """Name of the source as the pool may keep it."""
        return self.staged.source if self.pseudonyms is None else f"{self.staged.format}, pseudonymised"

    def files(self, rows: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """Rows of images without the names of their files, which may be a person's."""
        if self.pseudonyms is None:
            return dict(rows)
        named = {name: frame for name, frame in rows.items() if name in ("series", "lesion")}
        made = {
            name: frame.assign(source_file=[self.pseudonyms.other("image", str(file)) for file in frame["source_file"]])
            for name, frame in named.items()
        }
        return {**rows, **made}


def arrive(
    staged: Staged, arrival: Arrival, centre: str | None, records: Known, database: Database | None, today: date
) -> Arrived:
    """Name the people and studies of a source as the pool shall know them.

    Raises ImportRefused when links come without a centre, or the centre used another key or shift before.
    """
    pseudonyms = arrival.pseudonyms
    _refuse_other_key(records, centre, pseudonyms)
    if arrival.links and not centre:
        raise ImportRefused("--links: needs --centre, the centre that says who is the same person")
    new, faults = _new_links(staged, arrival, centre or "", database)
    links = _all_links(records, new, centre)
    if pseudonyms is None and not links:
        return Arrived(_noted(staged, faults), new)
    people = _people(staged, centre, pseudonyms, links)
    staged, dropped = _without_linked_rows(staged, people, set(links.values()))
    if pseudonyms is None:
        frames = {name: _renamed(frame, people) for name, frame in staged.frames.items()}
        return Arrived(_noted(replace(staged, frames=frames), faults + dropped), new)
    arrived = _Pseudonymising(pseudonyms, people, _centres(staged, centre), centre or "", today).apply(staged)
    result = Arrived(arrived, new, _secrets(staged), pseudonyms)
    return replace(result, staged=replace(arrived, notes=tuple(result.told([*arrived.notes, *faults, *dropped]))))


def _refuse_other_key(records: Known, centre: str | None, pseudonyms: Pseudonyms | None) -> None:
    """One centre, one key and one shift: otherwise the same person would stand in the pool twice."""
    mine = (pseudonyms.key_id, pseudonyms.shift_days) if pseudonyms else (None, None)
    batches = records.batches
    same = batches[(batches["centre"] == centre) & batches["withdrawn_at"].isna()] if centre else batches.iloc[:0]
    for batch, key_id, shift in zip(same["batch_id"], same["key_id"], same["shift_days"], strict=True):
        theirs = (key_id, int(shift)) if isinstance(key_id, str) else (None, None)
        if theirs != mine:
            raise ImportRefused(
                f"centre {centre}: import {batch} named people with {_naming(*theirs)}, this one with "
                f"{_naming(*mine)}; use the same, or the same person would stand in the pool twice"
            )


def _naming(key_id: str | None, shift: int | None) -> str:
    return "their ids as given" if key_id is None else f"key {key_id} and dates moved by up to {shift} days"


def _new_links(
    staged: Staged, arrival: Arrival, centre: str, database: Database | None
) -> tuple[pd.DataFrame, list[Reject]]:
    pseudonyms = arrival.pseudonyms

    def name(of: str, identifier: str) -> str:
        return pseudonyms.patient(of, identifier) if pseudonyms else identifier

    wanted = [name(link.other_centre, link.other_patient_id) for link in arrival.links]
    held = database.frame_where(tables.PATIENT, "patient_id", wanted) if database else Known().frame(tables.PATIENT)
    back = pseudonyms.days_back if pseudonyms else lambda _: 0
    return agreed(arrival.links, name, centre, staged.frames.get("patient"), held.set_index("patient_id"), back)


def _all_links(records: Known, new: pd.DataFrame, centre: str | None) -> dict[str, str]:
    """Person by the pseudonym that this centre uses."""
    before = records.links[records.links["centre"] == centre]
    told = dict(zip(before["linked_id"], before["patient_id"], strict=True))
    return told | dict(zip(new["linked_id"], new["patient_id"], strict=True))


def _centres(staged: Staged, centre: str | None) -> dict[str, str]:
    """Centre of each person who names one in the import's own table of patients."""
    people = staged.frames.get("patient")
    if people is None or "centre" not in people:
        return {}
    pairs = zip(people["patient_id"], people["centre"], strict=True)
    return {_text(person): _text(named) for person, named in pairs if not is_blank(person) and not is_blank(named)}


def _people(
    staged: Staged, centre: str | None, pseudonyms: Pseudonyms | None, links: Mapping[str, str]
) -> dict[str, str]:
    """The pool's pseudonym by the source's id."""
    found = {
        _text(value)
        for frame in staged.frames.values()
        if "patient_id" in frame
        for value in frame["patient_id"].unique()
        if not is_blank(value)
    }
    own = _centres(staged, centre)
    names = {one: pseudonyms.patient(own.get(one, centre or ""), one) if pseudonyms else one for one in sorted(found)}
    return {one: links.get(name, name) for one, name in names.items()}


def _without_linked_rows(staged: Staged, people: Mapping[str, str], linked: set[str]) -> tuple[Staged, list[Reject]]:
    """The centre's own row of a person whom it linked goes: the person's row is that of the other centre."""
    rows = staged.frames.get("patient")
    if rows is None:
        return staged, []
    theirs = rows["patient_id"].map(lambda value: not is_blank(value) and people[_text(value)] in linked).astype(bool)
    reason = "patient_id: linked to a person of another centre, whose row was kept; row set aside"
    faults = [
        Reject("patient", str(file), int(row), "patient_id", None, reason, "warning", "link")
        for file, row in zip(rows.loc[theirs, FILE], rows.loc[theirs, ROW], strict=True)
    ]
    return replace(staged, frames={**staged.frames, "patient": rows[~theirs]}), faults


def _renamed(frame: pd.DataFrame, people: Mapping[str, str]) -> pd.DataFrame:
    if "patient_id" not in frame:
        return frame
    return frame.assign(
        patient_id=[value if is_blank(value) else people[_text(value)] for value in frame["patient_id"]]
    )


def _noted(staged: Staged, faults: list[Reject]) -> Staged:
    return replace(staged, notes=(*staged.notes, *faults)) if faults else staged


def _text(value: object) -> str:
    return str(value).strip()


def _is_number(value: str | None) -> bool:
    return value is not None and re.fullmatch(r"-?\d{1,5}([.,]\d+)?", value) is not None


def _secrets(staged: Staged) -> frozenset[str]:
    """Identifiers of the source: none of them may stand in a fault."""
    names = ("patient_id", "study_id", "comparison_study_id", "path")
    return frozenset(
        _text(value)
        for frame in staged.frames.values()
        for name in names
        if name in frame
        for value in frame[name].unique()
        if not is_blank(value)
    )


@dataclass
class _Pseudonymising:
    """One source on its way to pseudonyms: who its people become, and which centre each named."""

    pseudonyms: Pseudonyms
    people: Mapping[str, str]
    centres: Mapping[str, str]
    centre: str
    today: date
    studies: dict[str, str] = field(default_factory=dict)

    def apply(self, staged: Staged) -> Staged:
        mri = staged.frames.get("mri")
        if mri is not None:
            for study, person in zip(mri["study_id"], mri["patient_id"], strict=True):
                if not is_blank(study):
                    of = self.centres.get(_text(person), self.centre)
                    self.studies[_text(study)] = self.pseudonyms.study(of, _text(study))
        keyed = self._files(staged)
        frames = {name: self._frame(tables.BY_NAME[name], frame, keyed) for name, frame in staged.frames.items()}
        notes = tuple(
            replace(note, source_file=keyed.get(note.source_file or "", note.source_file)) for note in staged.notes
        )
        return replace(staged, frames=frames, notes=notes)

    def _files(self, staged: Staged) -> dict[str, str]:
        """Keyed names of files that hold one person each, and so may be named after them."""
        holders: dict[str, set[str]] = {}
        for frame in staged.frames.values():
            column = "patient_id" if "patient_id" in frame else "study_id"
            for file, holder in zip(frame[FILE], frame[column], strict=True):
                holders.setdefault(str(file), set()).add(_text(holder))
        plain = {f"{name}{suffix}" for name in tables.BY_NAME for suffix in (".csv", ".parquet", ".xlsx")}
        return {
            file: self.pseudonyms.other("file", file)
            for file, found in holders.items()
            if len(found) == 1 and file not in plain
        }

    def _frame(self, table: tables.Table, frame: pd.DataFrame, keyed: Mapping[str, str]) -> pd.DataFrame:
        own = [_text(value) for value in frame["patient_id"]] if "patient_id" in frame else [""] * len(frame)
        made = frame.assign(**{FILE: [keyed.get(str(file), str(file)) for file in frame[FILE]]})
        for column in table.source_columns:
            if column.name not in frame:
                continue
            if column.kind == "date":
                made[column.name] = self._moved(frame[column.name], column, own)
            elif (table.name, column.name) in free_text():
                made[column.name] = self._text_of(table.name, column.name, frame[column.name], own)
            elif column.name in ("study_id", "comparison_study_id"):
                made[column.name] = frame[column.name].map(self._study).astype(object)
            elif column.name == "track_id":
                made[column.name] = [
                    None if is_blank(value) else self.pseudonyms.other("t", _text(value)) for value in frame["track_id"]
                ]
        return _renamed(made, self.people)

    def _study(self, value: object) -> object:
        if is_blank(value):
            return value
        return self.studies.get(_text(value)) or self.pseudonyms.study(self.centre, _text(value))

    def _moved(self, raw: pd.Series, column: tables.Column, own: list[str]) -> pd.Series:
        """Dates moved back; what is no date, or lies in the future, stays for the checks to set aside."""
        days = parse_column(raw, column).values
        latest = pd.Timestamp(self.today + timedelta(days=1))
        back = [self.pseudonyms.days_back(self.people[one]) if one in self.people else 0 for one in own]
        moved = [
            raw_value if pd.isna(day) or day > latest else (day - pd.Timedelta(days=shift)).date().isoformat()
            for raw_value, day, shift in zip(raw, days, back, strict=True)
        ]
        return pd.Series(moved, index=raw.index, dtype=object)

    def _text_of(self, table: str, column: str, raw: pd.Series, own: list[str]) -> pd.Series:
        if free_text()[(table, column)] == "drop" and self.pseudonyms.words is None:
            return pd.Series([None] * len(raw), index=raw.index, dtype=object)
        texts = [
            value if is_blank(value) else self.pseudonyms.scrubbed(str(value), frozenset({one} - {""}))
            for value, one in zip(raw, own, strict=True)
        ]
        return pd.Series(texts, index=raw.index, dtype=object)
