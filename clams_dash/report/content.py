"""What a case letter says, before it is set: facts, judgements, estimates, pictures, and where it all came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from clams_dash.clinical.safety.eligibility import EligibilityChip
from clams_dash.clinical.summary import Summary
from clams_dash.response.prediction import Prediction


@dataclass(frozen=True, slots=True)
class Picture:
    """One slice: PNG bytes with the patient's right on the left of the picture, its size in mm, words below it."""

    png: bytes
    width_mm: float
    height_mm: float
    caption: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Versions behind the letter, and when it was printed (UTC)."""

    software: str
    pool: str
    model: str | None
    printed_at: datetime


@dataclass(frozen=True, slots=True)
class CaseLetter:
    """Everything on the letter.

    ``prediction`` is None where there is no estimate; ``without_prediction`` then says why. ``eligibility`` holds what
    speaks against a therapy or cannot be judged, apart from every estimate. ``pictures`` may be empty.
    """

    summary: Summary
    prediction: Prediction | None
    without_prediction: str
    eligibility: tuple[EligibilityChip, ...]
    pictures: tuple[Picture, ...]
    origin: Origin
