"""Participants, sessions, images and lesion masks of a BIDS data set to rows of the pool.

A session has the date of ``sessions.tsv`` or ``scans.tsv`` (``acq_time``). A data set with one session a person and no
dates gets a nominal one, marked approximate; several sessions without dates are set aside, for an invented distance
between two scans would be read as a fact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from clams_dash.errors import ImportRefused
from clams_dash.ingest.bids import layout
from clams_dash.ingest.bids.layout import Image
from clams_dash.ingest.mapping import guess
from clams_dash.ingest.staging import FILE, ROW, Reject, Staged, digest

NOMINAL_DATE = date(2015, 7, 1)
"""Date of a session that has none, where it is the only one; the same as for open_ms_data."""

_PERSON_COLUMNS = ("course", "birth_date", "onset_date", "diagnosis_date")
_VISIT_COLUMNS = ("edss", "t25fw_s", "hpt9_dominant_s", "hpt9_nondominant_s", "sdmt")


@dataclass
class _Collected:
    root: Path
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    notes: list[Reject] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)

    def add(self, table: str, place: tuple[str, int], **values: object) -> None:
        self.rows.setdefault(table, []).append({**values, FILE: place[0], ROW: place[1]})

    def note(self, table: str, file: str, row: int | None, column: str, value: str, reason: str, severity: str) -> None:
        self.notes.append(Reject(table, file, row, column, value, reason, severity))

    def path(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()

    def table(self, file: Path, column: str) -> list[dict[str, Any]]:
        rows = layout.read_tsv(file, self.root, column)
        if rows:
            self.files.add(file)
        return rows


def recognises(source: Path) -> bool:
    """Whether ``source`` is a data set: a participant's folder with a description or images named as BIDS has it."""
    people = layout.subjects(source) if source.is_dir() else []
    if not people:
        return False
    return (source / layout.DESCRIPTION).is_file() or any(next(layout.images(one), None) for one in people)


def stage(source: Path) -> Staged:
    """Read a data set.

    Raises ImportRefused, naming the file, for a description or table that cannot be read, or without any participant.
    """
    people = layout.subjects(source) if source.is_dir() else []
    if not people:
        raise ImportRefused(f"{source}: holds no participant's folder (sub-...) of a BIDS data set")
    collected = _Collected(source)
    collected.files |= {source / layout.DESCRIPTION} if (source / layout.DESCRIPTION).is_file() else set()
    told = {row["participant_id"]: row for row in collected.table(source / "participants.tsv", "participant_id")}
    sources = layout.derivatives(source)
    for subject in people:
        _read_subject(collected, subject, told.get(subject.name), sources)
    for name, row in told.items():
        if name not in {subject.name for subject in people}:
            collected.note(
                "patient", row[FILE], row[ROW], "participant_id", str(name), "has no folder; left out", "warning"
            )
    frames = {name: pd.DataFrame(rows, dtype=object) for name, rows in collected.rows.items()}
    return Staged(
        format="bids",
        source=str(source),
        sha256=digest((collected.path(file), file) for file in collected.files if file.is_file()),
        frames=frames,
        image_root=source,
        notes=tuple(collected.notes),
    )


def _read_subject(collected: _Collected, subject: Path, told: dict[str, Any] | None, sources: list[Path]) -> None:
    own = [one for one in layout.images(subject) if one.sequence is not None]
    masks = [
        (one, layout.tool_of(folder))
        for folder in sources
        for one in layout.images(folder / subject.name)
        if one.is_lesion_mask and _only_lesions(collected, one)
    ]
    sessions = sorted({one.session for one in (*own, *(mask for mask, _ in masks))})
    rows = _session_rows(collected, subject)
    dates = {session: _date_of(collected, subject, session, rows) for session in sessions}
    undated = [session for session in sessions if dates[session] is None]
    first = min((day for day in dates.values() if day), default=NOMINAL_DATE.isoformat())
    place = (told[FILE], told[ROW]) if told else (collected.path(subject), 1)
    _add_person(collected, subject.name, told or {}, place, first)
    if undated and len(sessions) > 1:
        for session in undated:
            reason = "date: the session has none; give acq_time in its sessions.tsv; session set aside"
            collected.note("mri", collected.path(subject), None, "date", f"ses-{session}", reason, "error")
    for session in sessions:
        if dates[session] is not None or len(sessions) == 1:
            mine = [one for one in own if one.session == session]
            theirs = [pair for pair in masks if pair[0].session == session]
            _add_session(collected, subject.name, session, dates[session], mine, theirs, rows.get(session))


def _session_rows(collected: _Collected, subject: Path) -> dict[str, dict[str, Any]]:
    rows = collected.table(subject / f"{subject.name}_sessions.tsv", "session_id")
    return {str(row["session_id"]).removeprefix("ses-"): row for row in rows}


def _date_of(collected: _Collected, subject: Path, session: str, rows: dict[str, dict[str, Any]]) -> str | None:
    told = rows.get(session, {}).get("acq_time")
    if told is None:
        folder = subject / f"ses-{session}" if session else subject
        stem = f"{subject.name}_ses-{session}" if session else subject.name
        scans = collected.table(folder / f"{stem}_scans.tsv", "filename")
        told = min((str(row["acq_time"]) for row in scans if row.get("acq_time")), default=None)
    return str(told)[:10] if told else None


def _add_person(collected: _Collected, patient: str, told: dict[str, Any], place: tuple[str, int], first: str) -> None:
    headers = [str(name) for name in told if name not in (FILE, ROW)]
    values = {name: _value(told, "patient", name, headers) for name in ("sex", *_PERSON_COLUMNS)}
    for name in ("sex", "course"):
        if values[name] is not None:
            values[name] = guess.word_for(name, str(values[name])) or values[name]
    age = told.get("age")
    if values["birth_date"] is None and age is not None:
        values["birth_date"] = _born(collected, str(age), first, place)
        values["birth_date_approximate"] = True if values["birth_date"] else None
    collected.add("patient", place, patient_id=patient, **values)
    scores = {name: _value(told, "visit", name, headers) for name in _VISIT_COLUMNS}
    if any(value is not None for value in scores.values()):
        nominal = True if first == NOMINAL_DATE.isoformat() else None
        collected.add("visit", place, patient_id=patient, date=first, date_approximate=nominal, **scores)


def _value(row: dict[str, Any], table: str, column: str, headers: list[str]) -> Any:
    header = guess.column_for(table, column, headers)
    return row[header] if header is not None else None


def _born(collected: _Collected, age: str, first: str, place: tuple[str, int]) -> str | None:
    """1 January of the year ``age`` years before the first scan: the middle of the possible birth dates."""
    try:
        years = int(float(age))
        return date(int(first[:4]) - years, 1, 1).isoformat()
    except ValueError:
        reason = "age: no number of years; birth date not known"
        collected.note("patient", place[0], place[1], "age", age, reason, "warning")
        return None


def _add_session(
    collected: _Collected, patient: str, session: str, day: str | None, own: list[Image],
    masks: list[tuple[Image, str]], told: dict[str, Any] | None,
) -> None:  # fmt: skip
    study = f"{patient}_ses-{session}" if session else patient
    chosen = _first_of_each(collected, own)
    mask = _first_mask(collected, masks)
    named = [*chosen.values(), *([mask[0]] if mask else [])]
    place = (told[FILE], told[ROW]) if told else (collected.path(named[0].file), 1)
    acquired = layout.sidecar((chosen.get("FLAIR") or named[0]).file)
    collected.add(
        "mri", place, study_id=study, patient_id=patient, date=day or NOMINAL_DATE.isoformat(),
        date_approximate=None if day else True, region="brain", field_t=acquired.get("MagneticFieldStrength"),
        vendor=acquired.get("Manufacturer"), model=acquired.get("ManufacturersModelName"),
        gd_given=True if "T1W_GD" in chosen else None, mask_source=mask[1] if mask else None,
        note=None if day else "scan date is nominal",
    )  # fmt: skip
    for sequence, one in chosen.items():
        _add_series(collected, study, sequence, one)
    if mask:
        _add_series(collected, study, "lesion_mask", mask[0])
    headers = [str(name) for name in told or {} if name not in (FILE, ROW)]
    scores = {name: _value(told or {}, "visit", name, headers) for name in _VISIT_COLUMNS}
    if day and any(value is not None for value in scores.values()):
        collected.add("visit", place, patient_id=patient, date=day, **scores)


def _add_series(collected: _Collected, study: str, sequence: str, one: Image) -> None:
    collected.files.add(one.file)
    path = collected.path(one.file)
    space = one.entities.get("space", "orig")
    collected.add(
        "series", (path, 1), study_id=study, sequence=sequence, path=path, space="native" if space == "orig" else space
    )


def _first_of_each(collected: _Collected, own: Iterable[Image]) -> dict[str, Image]:
    """One image of each sequence: the one with the fewest entities, then the first run; others are named."""
    chosen: dict[str, Image] = {}
    for one in sorted(own, key=lambda image: (len(image.entities), image.file.name)):
        sequence = str(one.sequence)
        if sequence in chosen:
            reason = f"another {sequence} of the session was taken ({chosen[sequence].file.name})"
            collected.note("series", collected.path(one.file), None, "path", one.file.name, reason, "warning")
        else:
            chosen[sequence] = one
    return chosen


def _first_mask(collected: _Collected, masks: list[tuple[Image, str]]) -> tuple[Image, str] | None:
    """One lesion mask of the session, on the scan's own grid before any other; the rest are named."""
    ordered = sorted(masks, key=lambda pair: (pair[0].entities.get("space", "orig") != "orig", pair[0].file.as_posix()))
    for one, tool in ordered[1:]:
        reason = f"another lesion mask of the session was taken ({ordered[0][0].file.name}, {ordered[0][1]})"
        collected.note("series", collected.path(one.file), None, "path", tool, reason, "warning")
    return ordered[0] if ordered else None


def _only_lesions(collected: _Collected, mask: Image) -> bool:
    """Whether every label of a segmentation is a lesion, by the table beside it where there is one."""
    table = mask.file.with_name(mask.file.name.split(".nii")[0] + ".tsv")
    names = [str(row.get("name") or "") for row in collected.table(table, "index") if str(row["index"]) != "0"]
    others = [name for name in names if "lesion" not in name.casefold()]
    if others:
        reason = f"the segmentation also has labels that are no lesions ({', '.join(others[:3])}); give lesions alone"
        collected.note("series", collected.path(mask.file), None, "path", mask.file.name, reason, "error")
    return not others
