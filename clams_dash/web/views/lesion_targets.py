"""The lesions of a study as the viewer visits them: where, what changed, and what the card of each says.

A resolved lesion has no component in the study looked at: it is visited where the prior study had it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clams_dash.clinical.case_words import iso
from clams_dash.clinical.words import plural, sentence
from clams_dash.model.records import Case, Lesion, LesionCourse, Scan
from clams_dash.web.mri.scene import Millimetres, Target, VolumeOnDate

TOUR = ("new", "enlarging", "resolved", "shrinking")
"""Changes that N visits, in this order; within each the largest first."""
CHANGES = ("new", "enlarging", "stable", "shrinking", "resolved")
NOT_COMPARED = "lesion"
_GONE = "gone-"
_SIDES = ("RL", "AP", "SI")
_MIDLINE_MM = 3.0
_GRADES = {"high": "●●● high", "moderate": "●●○ moderate", "low": "●○○ low"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A lesion on the list: of the study itself, or of its prior where nothing is left of it."""

    key: str
    lesion: Lesion
    change: str
    scan: Scan

    @property
    def counted(self) -> bool:
        """Whether it reaches the counting floor."""
        return not self.lesion.below_floor


def compared(scan: Scan) -> bool:
    """Whether the study's lesions may be, and were, compared with those of another study."""
    if scan.pair is not None:
        return scan.pair.comparable is True
    return any(lesion.change is not None for lesion in scan.lesions)


def shown_lesions(case: Case, scan: Scan) -> tuple[Shown, ...]:
    """Every lesion of the study and those of the prior that are gone: what N visits first, then the others."""
    changes = compared(scan)
    found = [
        Shown(str(lesion.lesion_id), lesion, (lesion.change if changes else None) or NOT_COMPARED, scan)
        for lesion in scan.lesions
    ]
    found += [Shown(f"{_GONE}{lesion.lesion_id}", lesion, "resolved", prior) for prior, lesion in _gone(case, scan)]
    return tuple(sorted(found, key=_order))


def _gone(case: Case, scan: Scan) -> Iterator[tuple[Scan, Lesion]]:
    pair = scan.pair
    if pair is None or not pair.comparable:
        return
    prior = next((one for one in case.scans if one.study_id == pair.prior_study_id), None)
    if prior is not None:
        yield from ((prior, one) for one in prior.lesions if one.lesion_id in pair.resolved_lesions)


def _order(shown: Shown) -> tuple[int, bool, float, str]:
    rank = TOUR.index(shown.change) if shown.change in TOUR else len(TOUR)
    return rank if shown.counted else len(TOUR), not shown.counted, -shown.lesion.volume_mm3, shown.key


def tour_of(case: Case, scan: Scan) -> tuple[str, ...]:
    """What N visits: new and changed lesions; where nothing was compared, all that count, largest first."""
    wanted = TOUR if compared(scan) else (NOT_COMPARED,)
    return tuple(one.key for one in shown_lesions(case, scan) if one.change in wanted and one.counted)


def lesion_of(case: Case, scan: Scan, key: str) -> Shown | None:
    """The lesion of that key, or None."""
    return next((one for one in shown_lesions(case, scan) if one.key == key), None)


def targets_of(case: Case, scan: Scan, *, in_common_space: bool) -> tuple[Target, ...]:
    """Every lesion to visit; ``in_common_space`` when the images shown lie on the person's common grid."""
    return tuple(
        Target(
            key=shown.key,
            position_mm=(shown.lesion.reference_ras_mm if in_common_space else None) or shown.lesion.centroid_ras_mm,
            change=shown.change,
            title=title_of(shown),
            facts=_facts(case, scan, shown),
            history=_history(case, scan, shown.lesion),
        )
        for shown in shown_lesions(case, scan)
        if in_common_space or shown.scan is scan
    )


def title_of(shown: Shown) -> str:
    """What the lesion is, where, and how large."""
    return f"{sentence(shown.change)} · {place_of(shown.lesion)} · {shown.lesion.volume_mm3:.0f} mm³"


def place_of(lesion: Lesion) -> str:
    """Side and region in words."""
    right = (lesion.reference_ras_mm or lesion.centroid_ras_mm)[0]
    side = "midline" if abs(right) < _MIDLINE_MM else "right" if right > 0 else "left"
    region = lesion.region.replace("_", " ")
    return f"{side} {region}" if lesion.region != "unknown" else f"{side}, region not known"


def _facts(case: Case, scan: Scan, shown: Shown) -> tuple[tuple[str, str], ...]:
    lesion, course = shown.lesion, shown.lesion.course
    volume = f"{lesion.volume_mm3:.0f}{_plus_minus(course.volume_error_mm3 if course else None)} mm³"
    facts = [
        ("Change", _change(shown)),
        ("Place", place_of(lesion)),
        ("Position", _position(lesion.reference_ras_mm or lesion.centroid_ras_mm)),
        ("Volume", f"{volume} on {iso(shown.scan.date)}" + ("" if shown.counted else ", below 14 mm³: not counted")),
        ("Before", _before(course)),
        ("First seen", _first_seen(case, scan, lesion)),
        ("Reliability", _GRADES.get((course.reliability if course else None) or "", "not graded")),
        ("Signal", _signal(course)),
        ("Mask by", shown.scan.mask_source or "origin not recorded"),
    ]
    return tuple((label, value) for label, value in facts if value)


def _change(shown: Shown) -> str:
    course = shown.lesion.course
    if shown.change == NOT_COMPARED:
        return "not compared"
    more = []
    if course is not None and shown.change != "resolved":
        if course.percent_per_year is not None:
            more.append(f"{course.percent_per_year:+.0f} % a year")
        more += [course.event] if course.event else []
        more += ["within its error"] if course.undecided else []
        more += ["seen here before"] if course.seen_before else []
    return shown.change + (f" ({', '.join(more)})" if more else "")


def _before(course: LesionCourse | None) -> str:
    if course is None or course.prior_volume_mm3 is None:
        return ""
    change = f", change ± {course.change_error_mm3:.0f}" if course.change_error_mm3 is not None else ""
    return f"{course.prior_volume_mm3:.0f} mm³{change}"


def _signal(course: LesionCourse | None) -> str:
    if course is None:
        return ""
    said = {"dark on T1 (black hole)": course.black_hole, "enhances": course.enhancing}
    return ", ".join(words for words, is_so in said.items() if is_so)


def _plus_minus(error: float | None) -> str:
    return f" ± {error:.0f}" if error is not None else ""


def _position(mm: Millimetres) -> str:
    return " · ".join(f"{pair[value < 0]} {abs(value):.0f}" for pair, value in zip(_SIDES, mm, strict=True)) + " mm"


def _track(case: Case, scan: Scan, lesion: Lesion) -> list[tuple[Scan, list[Lesion]]]:
    """Studies up to this one that hold the lesion, with its components there (a split lesion has several)."""
    if lesion.track_id is None:
        return [(scan, [lesion])]
    found = []
    for one in case.scans:
        parts = [other for other in one.lesions if other.track_id == lesion.track_id]
        if parts and one.date <= scan.date:
            found.append((one, parts))
    return found


def _first_seen(case: Case, scan: Scan, lesion: Lesion) -> str:
    if lesion.track_id is None:
        return "not followed over dates"
    track = _track(case, scan, lesion)
    return f"{iso(track[0][0].date)} (in {plural(len(track), 'study', 'studies')})"


def _history(case: Case, scan: Scan, lesion: Lesion) -> tuple[VolumeOnDate, ...]:
    """Volumes of the lesion over its studies; zero where a study between holds nothing of it is not made up."""
    points = []
    for one, parts in _track(case, scan, lesion):
        volume = sum(part.volume_mm3 for part in parts)
        errors = [part.course.volume_error_mm3 if part.course else None for part in parts]
        known = [error for error in errors if error is not None]
        error = round(sum(value**2 for value in known) ** 0.5, 1) if len(known) == len(errors) else None
        note = f"{volume:.0f}{_plus_minus(error)} mm³ on {iso(one.date)} · {one.source}"
        points.append(VolumeOnDate(iso(one.date), round(volume, 1), error, note))
    return tuple(points)
