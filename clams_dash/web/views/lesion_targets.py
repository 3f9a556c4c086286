"""The lesions of a study as the viewer visits them: where, what changed, and what the card of each says."""

from __future__ import annotations

from clams_dash.clinical.case_words import iso
from clams_dash.clinical.words import plural, sentence
from clams_dash.model.records import Case, Lesion, Scan
from clams_dash.web.mri.scene import Millimetres, Target, VolumeOnDate

TOUR = ("new", "enlarging", "resolved", "shrinking")
"""Changes that N visits, in this order; within each the largest first."""
_SIDES = ("RL", "AP", "SI")
_MIDLINE_MM = 3.0
_UNCHANGED = "lesion"


def key_of(lesion: Lesion) -> str:
    """The lesion's name in the browser."""
    return str(lesion.lesion_id)


def compared(scan: Scan) -> bool:
    """Whether the study's lesions were compared with those of another study."""
    return any(lesion.change is not None for lesion in scan.lesions)


def tour_of(scan: Scan) -> tuple[str, ...]:
    """The lesions that N visits: new and changed ones; where nothing was compared, all that count, largest first."""
    if not compared(scan):
        counted = (lesion for lesion in scan.lesions if not lesion.below_floor)
        return tuple(map(key_of, sorted(counted, key=_by_volume)))
    changed = (lesion for lesion in scan.lesions if lesion.change in TOUR and not lesion.below_floor)
    return tuple(map(key_of, sorted(changed, key=lambda one: (TOUR.index(str(one.change)), *_by_volume(one)))))


def _by_volume(lesion: Lesion) -> tuple[float, int]:
    return -lesion.volume_mm3, lesion.lesion_id


def targets_of(case: Case, scan: Scan, *, in_common_space: bool) -> tuple[Target, ...]:
    """Every lesion of the study; ``in_common_space`` when the images shown lie on the person's common grid."""
    return tuple(
        Target(
            key=key_of(lesion),
            position_mm=lesion.centroid_ras_mm,
            change=lesion.change or _UNCHANGED,
            title=title_of(lesion),
            facts=_facts(case, scan, lesion),
            history=_history(case, scan, lesion),
        )
        for lesion in scan.lesions
    )


def title_of(lesion: Lesion) -> str:
    """What the lesion is, where, and how large."""
    return f"{sentence(lesion.change or _UNCHANGED)} · {place_of(lesion)} · {lesion.volume_mm3:.0f} mm³"


def place_of(lesion: Lesion) -> str:
    """Side and region in words."""
    right = lesion.centroid_ras_mm[0]
    side = "midline" if abs(right) < _MIDLINE_MM else "right" if right > 0 else "left"
    region = lesion.region.replace("_", " ")
    return f"{side} {region}" if lesion.region != "unknown" else f"{side}, region not known"


def _facts(case: Case, scan: Scan, lesion: Lesion) -> tuple[tuple[str, str], ...]:
    counted = "below 14 mm³: not counted" if lesion.below_floor else "yes"
    facts = [
        ("Change", lesion.change or "not compared"),
        ("Place", place_of(lesion)),
        ("Position", _position(lesion.centroid_ras_mm)),
        ("Volume", f"{lesion.volume_mm3:.0f} mm³"),
        ("Counted", counted),
        ("First seen", _first_seen(case, scan, lesion)),
        ("Mask by", scan.mask_source or "origin not recorded"),
    ]
    return tuple(facts)


def _position(mm: Millimetres) -> str:
    return (
        " · ".join(f"{letters[value < 0]} {abs(value):.0f}" for letters, value in zip(_SIDES, mm, strict=True)) + " mm"
    )


def _track(case: Case, scan: Scan, lesion: Lesion) -> list[tuple[Scan, float]]:
    """Studies up to this one that hold the lesion, with its volume (parts of a split lesion together)."""
    if lesion.track_id is None:
        return [(scan, lesion.volume_mm3)]
    found = []
    for one in case.scans:
        volumes = [other.volume_mm3 for other in one.lesions if other.track_id == lesion.track_id]
        if volumes and one.date <= scan.date:
            found.append((one, sum(volumes)))
    return found


def _first_seen(case: Case, scan: Scan, lesion: Lesion) -> str:
    if lesion.track_id is None:
        return "not followed over dates"
    track = _track(case, scan, lesion)
    return f"{iso(track[0][0].date)} ({plural(len(track), 'study', 'studies')})"


def _history(case: Case, scan: Scan, lesion: Lesion) -> tuple[VolumeOnDate, ...]:
    return tuple(
        VolumeOnDate(iso(one.date), round(volume, 1), None, f"{volume:.0f} mm³ on {iso(one.date)} · {one.source}")
        for one, volume in _track(case, scan, lesion)
    )
