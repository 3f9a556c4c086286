"""One person's lesion masks together: rows of the tables lesion_course and study_pair, by column name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np

from clams_dash.imaging.lesion_change import CHANGES, Count, LesionChange, PairChange, compare
from clams_dash.imaging.lesion_pairing import MaskFacts, Pairing, pairing
from clams_dash.imaging.lesion_reliability import grade
from clams_dash.imaging.lesion_settings import LesionSettings
from clams_dash.imaging.lesion_signal import LesionSignal
from clams_dash.imaging.lesion_tracks import MaskStudy, Tracks, follow, pair_error_mm
from clams_dash.imaging.lesions import COUNTING_FLOOR_MM3

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StudyMask:
    """A study's mask with all that is known of it; ``brain_change_percent`` as recorded against an earlier study."""

    facts: MaskFacts
    track: MaskStudy
    signals: tuple[LesionSignal, ...]
    has_t1: bool
    has_contrast: bool
    brain_change_percent: float | None


@dataclass(frozen=True, slots=True)
class PersonLesions:
    """Rows of the tables ``lesion_course`` and ``study_pair``, and the comparable pairs they tell of."""

    lesions: list[Row]
    studies: list[Row]
    pairs: list[ComparedPair]


@dataclass(frozen=True, slots=True)
class ComparedPair:
    """A comparable pair of studies and what became of its lesions."""

    earlier: StudyMask
    later: StudyMask
    change: PairChange


def person_lesions(patient_id: str, masks: Sequence[StudyMask], settings: LesionSettings) -> PersonLesions:
    """Compare all masks of a person: sites over all dates, and each study with the earlier one it is paired with."""
    ordered = sorted(masks, key=lambda one: (one.facts.day, one.facts.study_id))
    tracks = follow([one.track for one in ordered], settings.matching)
    by_study = {one.facts.study_id: one for one in ordered}
    found = PersonLesions([], [], [])
    for mask in ordered:
        pair = pairing(mask.facts, [one.facts for one in ordered], settings)
        prior = by_study[pair.prior.study_id] if pair.prior else None
        change = _change(prior, mask, settings) if prior is not None and pair.comparable else None
        if prior is not None and change is not None:
            found.pairs.append(ComparedPair(prior, mask, change))
        found.lesions.extend({"patient_id": patient_id, **row} for row in _lesion_rows(mask, change, tracks, settings))
        found.studies.append({"patient_id": patient_id, **_study_row(mask, prior, pair, change, tracks, settings)})
    return found


def _change(prior: StudyMask, mask: StudyMask, settings: LesionSettings) -> PairChange:
    days = (mask.facts.day - prior.facts.day).days
    error_mm = pair_error_mm(prior.track, mask.track, settings.matching)
    return compare(prior.track.measured, mask.track.measured, days, error_mm, settings)


def _lesion_rows(mask: StudyMask, change: PairChange | None, tracks: Tracks, settings: LesionSettings) -> list[Row]:
    measured, study = mask.track.measured, mask.facts.study_id
    of = {number: one for one in (change.lesions if change else ()) for number in one.group.later}
    places = _places(mask)
    rows = []
    for part, error, signal in zip(measured.placed.mask.components, measured.errors, mask.signals, strict=True):
        place = places.get(part.number, (None, None, None))
        changed = of.get(part.number)
        rows.append(
            {
                "study_id": study,
                "lesion_id": part.number,
                "track_id": tracks.track_of[(study, part.number)],
                "region": "unknown",
                "seen_before": changed is not None
                and changed.change == "new"
                and (study, part.number) in tracks.seen_before,
                "volume_error_mm3": round(error.total_mm3, 3),
                "reliability": grade(error.total_mm3, part.volume_mm3, settings.reliability),
                "reference_r": place[0],
                "reference_a": place[1],
                "reference_s": place[2],
                "t1_share": signal.t1_share,
                "black_hole": signal.black_hole,
                "enhancing": signal.enhancing,
                **_change_columns(changed),
            }
        )
    return rows


def _change_columns(changed: LesionChange | None) -> Row:
    if changed is None:
        return {"change": None, "prior_lesions": [], "event": None, "undecided": False}
    paired = bool(changed.group.earlier)
    return {
        "change": changed.change,
        "prior_lesions": list(changed.group.earlier),
        "event": changed.group.event,
        "prior_volume_mm3": round(changed.before_mm3, 3) if paired else None,
        "group_volume_mm3": round(changed.after_mm3, 3),
        "change_error_mm3": round(changed.error_mm3, 3),
        "percent_per_year": changed.percent_per_year,
        "undecided": changed.undecided,
    }


def _places(mask: StudyMask) -> dict[int, tuple[float, float, float]]:
    """The voxel of each lesion nearest its centroid, mm of the common space; none for a study that lies in none."""
    if not mask.track.placed:
        return {}
    points, numbers = mask.track.measured.placed.points()
    to_common = np.linalg.inv(mask.track.measured.placed.from_common)
    places = {}
    for part in mask.track.measured.placed.mask.components:
        own = points[numbers == part.number]
        centre = nib.affines.apply_affine(to_common, part.centroid_ras_mm)
        nearest = own[np.argmin(((own - centre) ** 2).sum(axis=1))]
        places[part.number] = (float(nearest[0]), float(nearest[1]), float(nearest[2]))
    return places


def _study_row(
    mask: StudyMask,
    prior: StudyMask | None,
    pair: Pairing,
    change: PairChange | None,
    tracks: Tracks,
    settings: LesionSettings,
) -> Row:
    measured, study = mask.track.measured, mask.facts.study_id
    everything = [part.number for part in measured.placed.mask.components]
    volume, error = measured.volume(everything)
    row: Row = {
        "study_id": study,
        "prior_study_id": prior.facts.study_id if prior else None,
        "comparable": pair.comparable,
        "reasons": list(pair.reasons),
        "interval_days": (mask.facts.day - prior.facts.day).days if prior else None,
        **_counted("t2_count", _t2_count(mask, settings)),
        "t2_volume_ml": round(volume / 1000, 6),
        "t2_volume_error_ml": round(error / 1000, 6),
        "t2_volume_grade": grade(error, volume, settings.reliability) if volume else "high",
        "resolved_lesions": [],
        **_signal_columns(mask),
    }
    if change is None or prior is None:
        return row
    before, before_error = prior.track.measured.volume(
        [part.number for part in prior.track.measured.placed.mask.components]
    )
    counts: Row = {name: change.count(name) for name in CHANGES if name not in ("new", "enlarging")}
    resolved = [one.group.earlier[0] for one in change.lesions if one.change == "resolved" and one.counted]
    new = [one.group.later[0] for one in change.lesions if one.change == "new" and one.counted]
    return {
        **row,
        **_counted("new", change.new),
        **_counted("enlarging", change.enlarging),
        **counts,
        "registration_error_mm": pair_error_mm(prior.track, mask.track, settings.matching),
        "resolved_lesions": resolved,
        "undecided": change.undecided,
        "reappeared": sum((study, number) in tracks.seen_before for number in new),
        "volume_change_ml": round((volume - before) / 1000, 6),
        "volume_change_error_ml": round(float(np.hypot(error, before_error)) / 1000, 6),
        **_brain_change(mask, prior, settings),
    }


def _counted(name: str, count: Count) -> Row:
    return {name: count.value, f"{name}_low": count.low, f"{name}_high": count.high, f"{name}_grade": count.grade}


def _t2_count(mask: StudyMask, settings: LesionSettings) -> Count:
    """Components at the floor, and how many there may be with each volume off by its error."""
    measured = mask.track.measured
    pairs = list(zip(measured.placed.mask.components, measured.errors, strict=True))
    value, low, high = (
        sum(part.volume_mm3 + sign * error.total_mm3 >= COUNTING_FLOOR_MM3 for part, error in pairs)
        for sign in (0, -1, 1)
    )
    return Count.graded(value, low, high, settings.counts)


def _signal_columns(mask: StudyMask) -> Row:
    counted = [
        (part, signal)
        for part, signal in zip(mask.track.measured.placed.mask.components, mask.signals, strict=True)
        if part.counted
    ]
    holes = [part.volume_mm3 for part, signal in counted if signal.black_hole]
    return {
        "black_holes": len(holes) if mask.has_t1 else None,
        "black_hole_volume_ml": round(sum(holes) / 1000, 6) if mask.has_t1 else None,
        "enhancing": sum(bool(signal.enhancing) for _, signal in counted) if mask.has_contrast else None,
    }


def _brain_change(mask: StudyMask, prior: StudyMask, settings: LesionSettings) -> Row:
    """The change as recorded, with its error band, where the record means this pair, on one scanner, a year apart."""
    known = None not in (value for _, value in mask.facts.scanner)
    same = mask.facts.scanner == prior.facts.scanner and mask.facts.compared_with == prior.facts.study_id
    days = (mask.facts.day - prior.facts.day).days
    enough = days >= settings.brain_volume.least_interval_days
    if mask.brain_change_percent is None or not (known and same and enough):
        return {}
    return {
        "brain_change_percent": mask.brain_change_percent,
        "brain_change_error_percent": settings.brain_volume.error_percent,
    }
