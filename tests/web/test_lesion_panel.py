"""What is said of a pair's lesions: comparability first, then counts, what is disputed, and each lesion's card."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

from plotly.utils import PlotlyJSONEncoder

from clams_dash.journal.lesion_marks import LesionKey
from clams_dash.model.records import Case, Counted, Lesion, LesionCourse, Registration, Scan, Series, StudyPair
from clams_dash.web.views.lesion_targets import targets_of, tour_of
from clams_dash.web.views.mri_panel import PanelParts, panel_parts
from clams_dash.web.views.study_scene import pairing_of, scene_of
from tests.web.test_mri_panel import ANNA
from tests.web.test_mri_panel import scan as plain_scan
from tests.web.test_mri_panel import series as plain_series

DAYS = {"a-1": date(2023, 1, 10), "a-2": date(2024, 1, 8)}


def series(study: str, name: str, space: str) -> Series:
    one = replace(plain_series(name), study_id=study, space=space)
    return replace(one, series_id=f"{study}-{space}-{name}")


def course(track: str, **changes: Any) -> LesionCourse:
    values: dict[str, Any] = {
        "track_id": track, "prior_lesions": (), "event": None, "prior_volume_mm3": None, "group_volume_mm3": None,
        "change_error_mm3": None, "percent_per_year": None, "undecided": False, "seen_before": False,
        "volume_error_mm3": 8.0, "reliability": "high", "reference_ras_mm": (12.0, -4.0, 9.0), "t1_share": None,
        "black_hole": None, "enhancing": None,
    }  # fmt: skip
    return LesionCourse(**(values | changes))


def lesion(study: str, number: int, volume: float, change: str | None, track: str, **changes: Any) -> Lesion:
    told = course(track, **changes)
    return Lesion(study, number, track, "periventricular", volume, change, (1.0, 2.0, 3.0), volume < 14, told)


def pair_of(**changes: Any) -> StudyPair:
    values: dict[str, Any] = dict.fromkeys(StudyPair.__dataclass_fields__)
    values |= {
        "study_id": "a-2", "prior_study_id": "a-1", "comparable": True, "reasons": (), "interval_days": 363,
        "new": Counted(2, 2, 3, "moderate"), "enlarging": Counted(1, 1, 1, "high"), "stable": 1, "shrinking": 0,
        "resolved": 1, "resolved_lesions": (7,),
    }  # fmt: skip
    return StudyPair(**(values | changes))


def study(name: str, lesions: tuple[Lesion, ...], *, aligned: bool = True, **changes: Any) -> Scan:
    names = ("FLAIR", "lesion_mask")
    one = replace(
        plain_scan(*(series(name, each, "native") for each in names)),
        study_id=name,
        date=DAYS[name],
        lesions=lesions,
        t2_count=len(lesions),
        aligned=tuple(series(name, each, "common") for each in (*names, "lesion_change", "difference"))
        if aligned
        else (),
    )
    return replace(one, **changes)


PRIOR = study("a-1", (lesion("a-1", 1, 120.0, None, "t1"), lesion("a-1", 7, 40.0, None, "t7")))
NOW = study(
    "a-2",
    (
        lesion(
            "a-2", 1, 150.0, "enlarging", "t1", prior_volume_mm3=120.0, percent_per_year=25.0, change_error_mm3=12.0
        ),
        lesion("a-2", 2, 90.0, "new", "t8"),
        lesion("a-2", 3, 30.0, "new", "t9"),
        lesion("a-2", 4, 300.0, "stable", "t10"),
        lesion("a-2", 5, 6.0, "new", "t11"),
    ),
    pair=pair_of(),
)
CASE = Case(ANNA, scans=(PRIOR, NOW))


def parts(case: Case = CASE, disputed: frozenset[LesionKey] = frozenset()) -> PanelParts:
    return panel_parts(case, "a-2", "FLAIR", disputed)


def text(component: object) -> str:
    return json.dumps(component, cls=PlotlyJSONEncoder, ensure_ascii=False)


def with_now(**changes: Any) -> Case:
    return Case(ANNA, scans=(PRIOR, replace(NOW, **changes)))


def test_whether_the_pair_may_be_compared_stands_before_any_count() -> None:
    bar = text(parts().bar)
    assert 0 <= bar.index("comparable, 12 months apart") < bar.index("2 (2-3) new")
    assert "1 enlarging" in bar
    assert "1 resolved" in bar
    assert "reliability of this count: moderate" in bar


def test_a_pair_that_may_not_be_compared_shows_its_reasons_and_no_count_of_change() -> None:
    unfit = pair_of(comparable=False, reasons=("slice thickness 1 and 3 mm",), new=None, enlarging=None)
    bar = text(parts(with_now(pair=unfit)).bar)
    assert "not comparable: slice thickness 1 and 3 mm" in bar
    assert " new" not in bar
    assert "5 T2 lesions" in bar


def test_caution_is_said_with_its_reason() -> None:
    bar = text(parts(with_now(pair=pair_of(reasons=("other scanner (1.5 T, 3 T)",)))).bar)
    assert "comparable with caution, 12 months apart: other scanner (1.5 T, 3 T)" in bar


def test_a_failed_registration_is_not_comparable_and_not_in_step() -> None:
    failed = Registration("a-2", "a-1", None, None, None, None, "fail", "the brains overlap by 41 %", "FLAIR", None)
    case = with_now(registration=failed, aligned=(), pair=None)
    shown = parts(case)
    assert "not comparable: the brains overlap by 41 %" in text(shown.bar)
    assert "not in step" in text(shown.viewer)


def test_the_viewer_opens_on_the_largest_new_lesion_and_visits_new_and_changed_ones() -> None:
    assert tour_of(CASE, NOW) == ("2", "3", "1", "gone-7")
    pairing = pairing_of(CASE, NOW, "FLAIR")
    assert pairing is not None
    scene = scene_of(CASE, pairing, "FLAIR")
    assert (scene.linked, scene.opens_on) == (True, "2")
    assert scene.start_point() == (12.0, -4.0, 9.0)
    assert scene.image.url == "/volume/a-2-common-FLAIR.vti"
    assert scene.overlay_kinds() == ["lesion_change", "lesions", "difference"]
    assert scene.prior is not None
    assert scene.prior.overlays["lesion_change"] == "/volume/a-1-common-lesion_mask.vti"


def test_without_anything_to_compare_n_visits_every_counted_lesion() -> None:
    alone = replace(NOW, pair=pair_of(prior_study_id=None, comparable=None), aligned=())
    assert tour_of(Case(ANNA, scans=(alone,)), alone) == ("4", "1", "2", "3")


def test_the_card_says_place_volume_change_reliability_and_who_drew_the_mask() -> None:
    card = next(one for one in targets_of(CASE, NOW, in_common_space=True) if one.key == "1")
    facts = dict(card.facts)
    assert facts["Change"] == "enlarging (+25 % a year)"
    assert facts["Place"] == "right periventricular"
    assert facts["Position"] == "R 12 · P 4 · S 9 mm"
    assert facts["Volume"] == "150 ± 8 mm³ on 2024-01-08"
    assert facts["Before"] == "120 mm³, change ± 12"
    assert facts["First seen"] == "2023-01-10 (in 2 studies)"
    assert facts["Reliability"] == "●●● high"
    assert facts["Mask by"] == "expert"
    assert [(one.date, one.volume_mm3, one.error_mm3) for one in card.history] == [
        ("2023-01-10", 120.0, 8.0),
        ("2024-01-08", 150.0, 8.0),
    ]


def test_a_resolved_lesion_is_visited_where_the_prior_study_had_it() -> None:
    gone = next(one for one in targets_of(CASE, NOW, in_common_space=True) if one.key == "gone-7")
    assert gone.change == "resolved"
    assert dict(gone.facts)["Volume"] == "40 ± 8 mm³ on 2023-01-10"
    assert all(one.key != "gone-7" for one in targets_of(CASE, NOW, in_common_space=False))


def test_counts_say_how_many_are_disputed() -> None:
    disputed = frozenset({LesionKey("a-2", "a-2-native-lesion_mask", 3), LesionKey("a-2", "another mask", 2)})
    shown = parts(disputed=disputed)
    bar = text(shown.bar)
    assert "2 (2-3) new" in bar
    assert bar.count("of which 1 disputed") == 2, "of the new ones, and of all"
    assert "New · right periventricular · 30 mm³ · disputed" in text(shown.drawer)
    assert "90 mm³ · disputed" not in text(shown.drawer), "a mark on another mask is not one on this"


def test_a_lesion_below_the_floor_is_listed_but_not_counted_or_visited() -> None:
    drawer = text(parts().drawer)
    assert "1 of them below 14 mm³" in drawer
    assert "5" not in tour_of(CASE, NOW)
    assert "mask: expert" in drawer
