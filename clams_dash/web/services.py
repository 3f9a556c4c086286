"""What the views may ask for: cases, the case list, image files, predictions. One door to a patient's data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from clams_dash.clinical.bands import Bands
from clams_dash.clinical.convention import Convention
from clams_dash.clinical.summary import Summary
from clams_dash.journal.lesion_marks import LesionKey
from clams_dash.model.records import Case
from clams_dash.pool import cases, quality
from clams_dash.pool.background import Work
from clams_dash.response.prediction import Prediction


@dataclass(frozen=True, slots=True)
class DisplayFile:
    """A display copy: its bytes, already checked against the pool's digest, and that digest."""

    content: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class NoPrediction:
    """Why there is no prediction, in words for the page."""

    reason: str


@dataclass(frozen=True, slots=True)
class Quality:
    """Imports, faults by import, table and check, and completeness by field and centre."""

    batches: tuple[quality.Batch, ...]
    counts: tuple[quality.FindingCount, ...]
    completeness: tuple[quality.Completeness, ...]


@dataclass(frozen=True, slots=True)
class News:
    """What is served now, as a token that changes with every version, and the work that goes on beside the server."""

    token: str
    work: Work | None
    alive: bool


class Services(Protocol):
    """The services as the views see them; tests may give others."""

    def open_case(self, patient_id: str, at: date | None = None) -> Case:
        """The records of one person, as known on ``at`` (None = today). Raises UnknownPatient."""

    def summary(self, patient_id: str, at: date | None = None, convention: Convention | None = None) -> Summary | None:
        """What the rules say of one person on ``at`` (None = the day of the last data); None without any data."""

    def edss_band(self, patient_id: str, at: date | None = None) -> Bands | None:
        """EDSS of the pool's people of the same kind by years since onset, up to this person's; None where unknown."""

    def case_page(
        self, search: str, sort: cases.SortKey, descending: bool, rows: int, first: int
    ) -> tuple[list[cases.CaseRow], int]:
        """One page of the case list and how many cases match."""

    def counts(self) -> cases.PoolCounts:
        """How many people the pool holds, and of which kind."""

    def data_quality(self) -> Quality:
        """What the page of imports and data quality shows."""

    def findings(self, wanted: quality.FindingFilter, rows: int, first: int) -> tuple[list[quality.Finding], int]:
        """One page of faults and how many there are."""

    def display_file(self, series_id: str) -> DisplayFile | None:
        """The image of one series, or None when there is none or it was altered."""

    def mesh(self, mesh_id: str) -> DisplayFile | None:
        """A surface, or None when there is none or it was altered."""

    def still(self, series_id: str, plane: str, index: int) -> DisplayFile | None:
        """One slice of an image as PNG, or None when there is no such slice."""

    def disputed(self, patient_id: str) -> frozenset[LesionKey]:
        """The lesions of one person that a reader disputes."""

    def dispute(self, patient_id: str, lesion: LesionKey, *, disputed: bool) -> None:
        """Note that a lesion is disputed, or no longer, in the journal. Raises ClamsError when there is none."""

    def predict(self, patient_id: str, at: date | None = None) -> Prediction | NoPrediction:
        """Therapy perspectives of one person."""

    def letter(self, patient_id: str, at: date | None = None) -> bytes | None:
        """One case as a letter in PDF, as known on ``at`` (None = the day of the last data); None without any data."""

    def news(self) -> News:
        """Versions of data and model, and the building of the demo pool if there is any."""

    def ready(self) -> dict[str, object]:
        """What a health check says; raises PoolError when nothing can be served."""
