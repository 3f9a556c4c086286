"""What the pool already holds about the people and studies of an import."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from clams_dash.ingest.parse import empty_frame
from clams_dash.model import tables
from clams_dash.pool.database import Database


@dataclass(frozen=True)
class Known:
    """The pool as an import needs it.

    Attributes
    ----------
    frames
        Rows by clinical table: those of the import's people, and the studies whose ids it uses.
    batches
        All imports so far, withdrawn ones too.
    links
        Who is the same person under another centre's pseudonym (table ``patient_link``).
    erased
        SHA-256 of the pseudonyms of people who were erased.
    """

    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    batches: pd.DataFrame = field(default_factory=lambda: empty_frame(tables.IMPORT_BATCH))
    links: pd.DataFrame = field(default_factory=lambda: empty_frame(tables.PATIENT_LINK))
    erased: frozenset[str] = frozenset()

    def frame(self, table: tables.Table) -> pd.DataFrame:
        """Rows of a clinical table; an empty frame where there are none."""
        found = self.frames.get(table.name)
        return empty_frame(table) if found is None else found

    def people(self) -> pd.DataFrame:
        """Rows of the table ``patient``, by pseudonym."""
        return self.frame(tables.PATIENT).set_index("patient_id")

    def is_linked(self, centre: str | None, patient_id: str) -> bool:
        """Whether a centre said that one of its people is this person of another centre."""
        links = self.links
        return bool(((links["centre"] == centre) & (links["patient_id"] == patient_id)).any())

    def was_erased(self, patient_id: str) -> bool:
        """Whether this person was erased from the pool."""
        return bool(self.erased) and hashlib.sha256(patient_id.encode()).hexdigest() in self.erased


def look_up(keys: pd.Series, values: pd.Series) -> pd.Series:
    """Entry of ``values`` (unique index) for each key, on the keys' own index; missing where there is none."""
    found: pd.Series = values.reindex(pd.Index(keys.astype(object))).set_axis(keys.index)
    return found


def records_of(database: Database) -> Known:
    """The pool's own records, without rows about people."""
    return Known(
        batches=database.frame(tables.IMPORT_BATCH),
        links=database.frame(tables.PATIENT_LINK),
        erased=frozenset(database.frame(tables.ERASURE)["person_sha256"]),
    )


def with_links(known: Known, links: pd.DataFrame) -> Known:
    """Add links that an import brings."""
    if links.empty:
        return known
    return replace(known, links=links if known.links.empty else pd.concat([known.links, links], ignore_index=True))


def with_people(known: Known, database: Database, staged: Iterable[pd.DataFrame]) -> Known:
    """Add what the pool holds about the people and studies named in the staged frames."""
    frames = list(staged)
    people, studies = _named(frames, "patient_id"), _named(frames, "study_id")
    held = {table.name: database.frame_where(table, "patient_id", people) for table in tables.CLINICAL_TABLES}
    theirs = database.frame_where(tables.MRI, "study_id", studies)
    held["mri"] = pd.concat([held["mri"], theirs[~theirs["patient_id"].isin(people)]], ignore_index=True)
    return replace(known, frames=held)


def _named(frames: Iterable[pd.DataFrame], column: str) -> list[str]:
    values = {str(value) for frame in frames if column in frame for value in frame[column].dropna().unique()}
    return sorted(values)
