"""Lesions of one person study by study as one document: what the masks show, the record's numbers, the report's words.

A pair of scans that may not be compared has no count of change; what the record or the report says stands beside.
"""

from __future__ import annotations

from typing import Any

from clams_dash.clinical.report_reading import Said, read_report, report_conflict
from clams_dash.model.records import Case, Counted, Lesion, Scan

NO_MASK = "no lesion mask of this study"


def lesion_document(case: Case) -> dict[str, Any]:
    """The document of ``clams lesions --json``; keys are those of ``interfaces.md`` and more."""
    return {
        "patient": case.patient.patient_id,
        "synthetic": case.patient.synthetic,
        "studies": [_study(scan) for scan in case.scans],
        "tracks": _tracks(case),
    }


def _study(scan: Scan) -> dict[str, Any]:
    pair = scan.pair
    measured = pair is not None
    return {
        "study": scan.study_id,
        "date": scan.date,
        "date_approximate": scan.date_approximate,
        "prior_study": pair.prior_study_id if pair else None,
        "interval_days": pair.interval_days if pair else None,
        "comparable_with_prior": pair.comparable if pair else None,
        "reasons": list(pair.reasons) if pair else [NO_MASK],
        "mask_source": scan.mask_source,
        "t2_count": scan.t2_count,
        "t2_count_range": _range(pair.t2_count) if pair else None,
        "t2_volume_ml": scan.t2_volume_ml,
        "t2_volume_error_ml": pair.t2_volume_error_ml if pair else None,
        "t2_volume_grade": pair.t2_volume_grade if pair else None,
        "new": pair.new.value if pair and pair.new else None,
        "new_range": _range(pair.new) if pair else None,
        "enlarging": pair.enlarging.value if pair and pair.enlarging else None,
        "enlarging_range": _range(pair.enlarging) if pair else None,
        **{
            name: getattr(pair, name) if pair else None
            for name in (
                "stable", "shrinking", "resolved", "undecided", "reappeared", "volume_change_ml",
                "volume_change_error_ml", "black_holes", "black_hole_volume_ml", "brain_change_percent",
                "brain_change_error_percent",
            )
        },
        "enhancing_in_mask": pair.enhancing if pair else None,
        "resolved_lesions": list(pair.resolved_lesions) if pair else [],
        "recorded": {
            "compared_with": scan.comparison_study_id, "new_t2": scan.new_t2, "enlarging_t2": scan.enlarging_t2,
            "gd_given": scan.gd_given, "gd_lesions": scan.gd_lesions, "pbvc_percent": scan.pbvc_percent,
            "source": str(scan.source),
        },
        "report": _report(scan),
        "lesions": [_lesion(one, measured=measured) for one in scan.lesions],
    }  # fmt: skip


def _range(count: Counted | None) -> dict[str, Any] | None:
    return None if count is None else {"low": count.low, "high": count.high, "grade": count.grade}


def _report(scan: Scan) -> dict[str, Any] | None:
    if scan.report_text is None:
        return None
    reading, conflict = read_report(scan.report_text), report_conflict(scan)
    said = {"new": reading.new, "enlarging": reading.enlarging, "gd": reading.gd}
    return {**{name: _said(one) for name, one in said.items()}, "conflict": conflict.text if conflict else None}


def _said(said: Said) -> dict[str, Any]:
    return {"said": said.kind, "number": said.number, "sentence": said.sentence}


def _lesion(lesion: Lesion, *, measured: bool) -> dict[str, Any]:
    course = lesion.course
    row = {
        "lesion": lesion.lesion_id,
        "track": lesion.track_id,
        "region": lesion.region,
        "volume_mm3": lesion.volume_mm3,
        "change": lesion.change,
        "centroid_ras_mm": list(lesion.centroid_ras_mm),
        "below_floor": lesion.below_floor,
    }
    if course is None or not measured:
        return row
    place = lesion.reference_ras_mm
    return {
        **row,
        "volume_error_mm3": course.volume_error_mm3,
        "reliability": course.reliability,
        "prior_lesions": list(course.prior_lesions),
        "prior_volume_mm3": course.prior_volume_mm3,
        "change_error_mm3": course.change_error_mm3,
        "percent_per_year": course.percent_per_year,
        "undecided": course.undecided,
        "event": course.event,
        "seen_before": course.seen_before,
        "reference_ras_mm": None if place is None else list(place),
        "t1_share": course.t1_share,
        "black_hole": course.black_hole,
        "enhancing": course.enhancing,
    }


def _tracks(case: Case) -> dict[str, list[dict[str, Any]]]:
    """Volume of every site over the studies in which its person was placed; 0 where nothing of it is left."""
    sites = sorted({one.track_id for scan in case.scans for one in scan.lesions if one.track_id})
    found: dict[str, list[dict[str, Any]]] = {}
    for site in sites:
        parts = [(scan, [one for one in scan.lesions if one.track_id == site]) for scan in case.scans if scan.pair]
        first = next(at for at, (_, own) in enumerate(parts) if own) if any(own for _, own in parts) else len(parts)
        found[site] = [
            {"study": scan.study_id, "date": scan.date, "volume_mm3": sum(one.volume_mm3 for one in own)}
            for scan, own in parts[first:]
            if own or (scan.registration is not None and scan.registration.comparable)
        ]
    return found
