"""The same person at two centres, joined only where a centre says so, and only where the two agree on who it is."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from clams_dash.errors import ImportRefused
from clams_dash.ingest.parse import parse_column
from clams_dash.ingest.staging import Reject
from clams_dash.model import tables

COLUMNS = ("patient_id", "other_centre", "other_patient_id")


@dataclass(frozen=True, slots=True)
class Link:
    """A centre's person, by the centre's own id, is this person of another centre. ``place``: file and row."""

    patient_id: str
    other_centre: str
    other_patient_id: str
    file: str
    row: int


def read_links(file: Path) -> tuple[Link, ...]:
    """Read a CSV file of links. Raises ImportRefused, naming file and row, for anything else."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.DictReader(handle))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ImportRefused(f"--links {file}: cannot be read as CSV ({error})") from error
    links = []
    for number, row in enumerate(rows, start=2):
        own, other_centre, other = ((row.get(name) or "").strip() for name in COLUMNS)
        if not (own and other_centre and other):
            raise ImportRefused(f"{file}: row {number}: {', '.join(COLUMNS)} are needed, all with a value")
        links.append(Link(own, other_centre, other, file.name, number))
    if not links:
        raise ImportRefused(f"{file}: holds no links; its first row names {', '.join(COLUMNS)}")
    return tuple(links)


def agreed(
    links: Iterable[Link],
    names: Callable[[str, str], str],
    centre: str,
    people: pd.DataFrame | None,
    held: pd.DataFrame,
    days_back: Callable[[str], int],
) -> tuple[pd.DataFrame, list[Reject]]:
    """Links whose two sides do not contradict each other, as rows of ``patient_link`` without a batch.

    Parameters
    ----------
    names
        Pseudonym of a centre's id.
    people
        The import's own rows of patients, ids as the source gives them.
    held
        The pool's rows of the persons linked to, by pseudonym.
    days_back
        Days by which dates of a person are moved back.
    """
    rows, faults = [], []
    for link in links:
        person = names(link.other_centre, link.other_patient_id)
        reason = _contradiction(link, person, people, held, days_back(person))
        if reason is None:
            rows.append({"centre": centre, "linked_id": names(centre, link.patient_id), "patient_id": person})
        else:
            text = f"patient_id: {reason}; not linked"
            faults.append(Reject("patient_link", link.file, link.row, "patient_id", None, text, "error", "link"))
    return pd.DataFrame(rows, columns=["centre", "linked_id", "patient_id"]), faults


def _contradiction(
    link: Link, person: str, people: pd.DataFrame | None, held: pd.DataFrame, days_back: int
) -> str | None:
    if person not in held.index:
        return f"the pool holds no such person of centre {link.other_centre}; import that centre's data first"
    if held["centre"][person] != link.other_centre:
        return f"that person does not belong to centre {link.other_centre}"
    mine = None if people is None else people[people["patient_id"].astype("string").str.strip() == link.patient_id]
    if mine is None or mine.empty:
        return None
    for column in ("sex", "birth_date"):
        if column not in mine or pd.isna(held[column][person]):
            continue
        told = parse_column(mine[column], tables.PATIENT.by_name[column]).values.iloc[0]
        if pd.isna(told):
            continue
        told = told - pd.Timedelta(days=days_back) if column == "birth_date" else told
        if told != held[column][person]:
            return f"the two centres give another {column.replace('_', ' ')}"
    return None
