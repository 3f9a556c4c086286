"""Which earlier study the masks of a study are compared with, and whether the two masks may be compared.

Being in one space, alike in slices and drawn by one hand or tool is needed. Other scanners are named as a caution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from clams_dash.imaging.lesion_settings import LesionSettings


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """What decides whether a study's mask may be compared. ``misplaced``: why it lies in no common space, or None."""

    study_id: str
    day: date
    region: str | None
    compared_with: str | None
    mask_source: str | None
    thickness_mm: float
    misplaced: str | None
    scanner: tuple[tuple[str, str | None], ...]
    """field strength, vendor and model by name, None = not recorded"""


@dataclass(frozen=True, slots=True)
class Pairing:
    """The earlier study, whether the two may be compared (None = there is none), and why or with what caution."""

    prior: MaskFacts | None
    comparable: bool | None
    reasons: tuple[str, ...]


def pairing(study: MaskFacts, others: Sequence[MaskFacts], settings: LesionSettings) -> Pairing:
    """The pair of a study: with the one its record names, else with the last earlier one that has a mask."""
    earlier = sorted(
        (one for one in others if one.day < study.day and one.region == study.region),
        key=lambda one: (one.day, one.study_id),
    )
    if not earlier:
        return Pairing(None, None, ("no earlier study with a lesion mask",))
    named = next((one for one in earlier if one.study_id == study.compared_with), None)
    prior = named or earlier[-1]
    against = _against(prior, study, settings)
    cautions = _cautions(prior, study, settings)
    if named is None and study.compared_with is not None:
        cautions = (f"compared with {prior.day}: the study that the record names has no lesion mask", *cautions)
    return Pairing(prior, not against, (*against, *cautions))


def _against(prior: MaskFacts, study: MaskFacts, settings: LesionSettings) -> tuple[str, ...]:
    found = [f"{one.day}: {one.misplaced}" for one in (prior, study) if one.misplaced is not None]
    thick, thin = max(prior.thickness_mm, study.thickness_mm), min(prior.thickness_mm, study.thickness_mm)
    if thick > settings.pair.thickness_ratio * thin:
        found.append(f"slices of {prior.thickness_mm:.3g} mm, then {study.thickness_mm:.3g} mm")
    if prior.mask_source != study.mask_source and None not in (prior.mask_source, study.mask_source):
        found.append(f"mask by {prior.mask_source}, then by {study.mask_source}")
    return tuple(found)


def _cautions(prior: MaskFacts, study: MaskFacts, settings: LesionSettings) -> tuple[str, ...]:
    found = []
    for (name, before), (_, after) in zip(prior.scanner, study.scanner, strict=True):
        if before is None or after is None:
            found.append(f"{name} not recorded")
        elif before != after:
            found.append(f"{name} {before}, then {after}")
    days = (study.day - prior.day).days
    if days < settings.change.least_interval_days:
        found.append(f"only {days} days apart: enlarging and shrinking are not judged")
    return tuple(found)
