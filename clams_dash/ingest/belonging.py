"""Whose rows they are: a centre may correct its own rows, not another's, and people are not mixed up between centres.

A row belongs to the centre its patient belongs to, or to the centre of its import where that centre said that one of
its people is the same person (table ``patient_link``).
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from clams_dash.ingest.faults import Fault
from clams_dash.ingest.known import Known, look_up
from clams_dash.model import tables
from clams_dash.model.tables import Table

SAME_PERSON = "if it is the same person, say so with --links; otherwise use a pseudonym of its own"


def belonging(
    frame: pd.DataFrame, table: Table, known: Known, centre: str | None, claims: Mapping[str, str]
) -> list[Fault]:
    """Rows of another centre's people, with a key that another centre gave, or of another person's study.

    Parameters
    ----------
    frame
        Typed rows of the import.
    centre
        Centre of the import; None = not named, then the rows are those of their patients' centres.
    claims
        Centre that the import's own table of patients gives a pseudonym.
    """
    people = known.people()["centre"]
    if table in (tables.SERIES, tables.LESION) or (people.empty and known.frame(tables.MRI).empty):
        return []
    faults = _strangers(frame, people, known, centre, claims)
    if table is not tables.PATIENT:
        faults += _keys_of_others(frame, table, known, centre)
    if table is tables.MRI:
        faults += _studies_of_others(frame, known)
    return faults


def claimed(people: pd.DataFrame, centre: str | None) -> dict[str, str]:
    """Centre by pseudonym, as the table of patients of an import says, or the import itself."""
    named = people[["patient_id", "centre"]].astype(object)
    named["centre"] = named["centre"].where(named["centre"].notna(), centre)
    found = named.dropna()
    return dict(zip(found["patient_id"], found["centre"], strict=True))


def erased(frame: pd.DataFrame, known: Known) -> list[Fault]:
    """Rows of people who were erased; the fault names no value, so that nothing of them comes back."""
    if not known.erased or "patient_id" not in frame:
        return []
    reason = "this person was erased from the pool"
    rows = [row for row, patient in frame["patient_id"].items() if known.was_erased(str(patient))]
    return [Fault(int(str(row)), None, "erased", reason) for row in rows]


def _strangers(
    frame: pd.DataFrame, people: pd.Series, known: Known, centre: str | None, claims: Mapping[str, str]
) -> list[Fault]:
    """Rows whose pseudonym belongs to a person of another centre."""
    faults = []
    for row, patient in frame["patient_id"].items():
        held, here = people.get(patient), claims.get(str(patient), centre)
        if _named(held) and here and held != here and not known.is_linked(centre, str(patient)):
            reason = f"patient_id: the pool holds this pseudonym from centre {held}, not {here}; {SAME_PERSON}"
            faults.append(Fault(int(str(row)), "patient_id", "other_centre", reason))
    return faults


def _named(centre: object) -> bool:
    return isinstance(centre, str) and bool(centre)


def _keys_of_others(frame: pd.DataFrame, table: Table, known: Known, centre: str | None) -> list[Fault]:
    """Rows of a linked person with a key that the other centre gave."""
    held = known.frame(table)
    if held.empty or known.links.empty or frame.empty:
        return []
    key = list(table.key)
    from_centre = _row_centres(held, known)
    theirs = dict(zip(map(tuple, _as_text(held[key])), from_centre, strict=True))
    people = known.people()["centre"]
    faults = []
    for row, mine in zip(frame.index, map(tuple, _as_text(frame[key])), strict=True):
        patient = str(frame["patient_id"][row])
        own = centre if known.is_linked(centre, patient) else people.get(patient)
        if mine in theirs and theirs[mine] != own:
            reason = f"{', '.join(key)}: centre {theirs[mine]} already gave a row with this key"
            faults.append(Fault(int(row), key[-1], "other_centre", reason))
    return faults


def _row_centres(held: pd.DataFrame, known: Known) -> list[str | None]:
    """Centre that gave each row: that of its import where it is linked to the person, else that of the person."""
    of_batch = known.batches.set_index("batch_id")["centre"]
    people = known.people()["centre"]
    return [
        of_batch[batch] if known.is_linked(of_batch[batch], patient) else people.get(patient)
        for batch, patient in zip(held["batch_id"], held["patient_id"], strict=True)
    ]


def _as_text(frame: pd.DataFrame) -> list[list[str]]:
    texts: list[list[str]] = frame.astype("string").fillna("").to_numpy().tolist()
    return texts


def _studies_of_others(frame: pd.DataFrame, known: Known) -> list[Fault]:
    held = known.frame(tables.MRI).set_index("study_id")["patient_id"]
    owner = look_up(frame["study_id"], held)
    reason = "study_id: the pool holds this study of another person; study ids are unique in the pool"
    other = owner.notna() & (owner != frame["patient_id"])
    return [
        Fault(int(row), "study_id", "other_person", reason) for row in frame.index[other.fillna(False).astype(bool)]
    ]
