"""Lesions that a doctor marked as disputed: the segmentation says lesion, the reader does not agree (or not yet).

A mark belongs to one component of one mask. A corrected mask is another one, so its lesions start without marks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clams_dash.journal.store import connected


@dataclass(frozen=True, slots=True)
class LesionKey:
    """One component: its study, the ``series_id`` of the mask, and its number in that mask."""

    study_id: str
    mask_id: str
    lesion_id: int


@dataclass(frozen=True, slots=True)
class LesionMark:
    """The last word on a lesion. ``at`` is UTC."""

    lesion: LesionKey
    disputed: bool
    at: datetime


def mark_lesion(path: Path, patient_id: str, lesion: LesionKey, *, disputed: bool) -> None:
    """Add an entry: the lesion is disputed, or no longer. Raises ClamsError."""
    entry = (datetime.now(UTC).isoformat(), patient_id, lesion.study_id, lesion.mask_id, lesion.lesion_id, disputed)
    with connected(path) as journal:
        journal.execute(
            "INSERT INTO lesion_mark (at, patient_id, study_id, mask_id, lesion_id, disputed) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            entry,
        )


def lesion_marks(path: Path, patient_id: str) -> tuple[LesionMark, ...]:
    """The last entry on each lesion of a person, in the order in which they were made. Raises ClamsError."""
    if not path.exists():
        return ()
    with connected(path) as journal:
        rows = journal.execute(
            "SELECT study_id, mask_id, lesion_id, disputed, at, max(entry_id) FROM lesion_mark WHERE patient_id = ? "
            "GROUP BY study_id, mask_id, lesion_id ORDER BY 6",
            [patient_id],
        ).fetchall()
    return tuple(
        LesionMark(LesionKey(study, mask, number), bool(disputed), datetime.fromisoformat(at))
        for study, mask, number, disputed, at, _ in rows
    )


def disputed_lesions(path: Path, patient_id: str) -> frozenset[LesionKey]:
    """The lesions of a person that are disputed now. Raises ClamsError."""
    return frozenset(mark.lesion for mark in lesion_marks(path, patient_id) if mark.disputed)
