"""What the masks show stands beside the record: never an alert, no count for a pair that is not comparable."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from clams_dash.clinical.activity.since_last_visit import Item, since_last_visit
from clams_dash.clinical.activity.strip import activity_strip
from clams_dash.clinical.summary import summary
from clams_dash.model.records import Case, Counted, StudyPair
from tests.clinical.chart import brain_scan, case, visit

FIRST, SECOND, AS_OF = date(2025, 1, 10), date(2026, 1, 12), date(2026, 3, 1)


def _pair(new: int | None, *, comparable: bool, reasons: tuple[str, ...] = (), low: int | None = None) -> StudyPair:
    counted = None if new is None else Counted(new, new if low is None else low, new, "high")
    none = None if new is None else Counted(0, 0, 0, "high")
    return StudyPair(
        study_id=f"s{SECOND}", prior_study_id=f"s{FIRST}", comparable=comparable, reasons=reasons, interval_days=367,
        registration_error_mm=0.3, t2_count=None, t2_volume_ml=2.0, t2_volume_error_ml=0.1, t2_volume_grade="high",
        new=counted, enlarging=none, stable=9, shrinking=0, resolved=1, resolved_lesions=(4,), undecided=0,
        reappeared=0, volume_change_ml=0.1, volume_change_error_ml=0.1, black_holes=None, black_hole_volume_ml=None,
        enhancing=None, brain_change_percent=None, brain_change_error_percent=None,
    )  # fmt: skip


def _case(pair: StudyPair, report: str | None = None, new_t2: int | None = None) -> Case:
    second = replace(brain_scan(SECOND), pair=pair, report_text=report, new_t2=new_t2, mask_source="LST-AI")
    return case(scans=[brain_scan(FIRST), second], visits=[visit(date(2025, 2, 1), 2.0), visit(date(2026, 2, 1), 2.0)])


def _items(chart: Case, kind: str) -> list[Item]:
    return [item for item in since_last_visit(chart, AS_OF) if item.kind == kind]


def test_new_lesions_of_the_masks_are_told_with_dates_range_and_origin() -> None:
    (item,) = _items(_case(_pair(3, comparable=True, low=2, reasons=("model Skyra, then Prisma",))), "masks")
    assert item.text == (
        "Masks of 2026-01-12 and 2025-01-10, by LST-AI: 3 new (2 to 3), 0 enlarging and 1 resolved T2 lesions "
        "(caution: model Skyra, then Prisma)"
    )
    assert item.severity == "watch"
    assert len(item.sources) == 2


def test_a_pair_that_is_not_comparable_gives_no_count() -> None:
    chart = _case(_pair(3, comparable=False, reasons=("slices of 1 mm, then 3 mm",)), "No new lesions.")
    assert _items(chart, "masks") == []
    assert _items(chart, "report_conflict") == []
    (fact,) = summary(chart, AS_OF).to_json()["lesions_by_mask"]
    assert fact["text"].endswith("are not comparable: slices of 1 mm, then 3 mm")
    assert (fact["comparable"], fact["new"], fact["enlarging"], fact["resolved"]) == (False, None, None, None)


def test_the_strip_goes_on_reading_what_is_recorded() -> None:
    with_masks = _case(_pair(5, comparable=True), new_t2=0)
    without = replace(with_masks, scans=tuple(replace(scan, pair=None) for scan in with_masks.scans))
    assert activity_strip(with_masks, AS_OF) == activity_strip(without, AS_OF)


def test_a_report_that_missed_what_the_masks_show_is_quoted() -> None:
    (item,) = _items(_case(_pair(2, comparable=True), "Stable. No new T2 lesions."), "report_conflict")
    assert "“No new T2 lesions.”" in item.text
    assert item.severity == "watch"
    assert _items(_case(_pair(2, comparable=True), "Two new T2 lesions."), "report_conflict") == []


def test_masks_without_anything_new_add_nothing_to_the_line() -> None:
    assert _items(_case(_pair(0, comparable=True)), "masks") == []
