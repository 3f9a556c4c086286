"""The MRI panel: which image, which overlay, and words where there is nothing to lay over it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
from plotly.utils import PlotlyJSONEncoder

from clams_dash.model.records import Case, Patient, Scan, Series, Source
from clams_dash.web.views.mri_panel import first_study, panel_parts

HERE = Source("b-1", "series.csv", 2)
ANNA = Patient("anna", None, None, False, None, None, "RRMS", None, True, HERE)


def series(name: str, *, spacing: float = 1.0, drawable: bool = True) -> Series:
    is_mask = name.endswith("mask")
    focus, window = ((1.0, 2.0, 3.0), None) if is_mask else (None, (10.0, 240.0))
    origin = (-20.0, -20.0, -15.0)
    return Series(
        f"id-{name}", "a-1", name, (40, 44, 30), (1.0, 1.0, spacing), origin, None, focus, None, window, drawable, HERE
    )


def scan(*held: Series, count: int | None = 2) -> Scan:
    return Scan("a-1", date(2024, 1, 1), False, "brain", 3.0, None, None, None, None, None, None, None, count, 3.1,
                None, None, None, "expert", None, None, held, (), HERE)  # fmt: skip


def shown(one: Scan, sequence: str = "FLAIR") -> str:
    parts = panel_parts(Case(ANNA, scans=(one,)), "a-1", sequence)
    return json.dumps([parts.viewer, parts.bar, parts.drawer], cls=PlotlyJSONEncoder)


def test_a_mask_is_laid_over_an_image_of_its_own_grid() -> None:
    text = shown(scan(series("FLAIR"), series("lesion_mask")))
    assert "/volume/id-FLAIR.vti" in text
    assert "/volume/id-lesion_mask.vti" in text
    assert "2 T2 lesions" in text


def test_over_another_grid_no_mask_is_laid_because_lesions_would_vanish() -> None:
    text = shown(scan(series("FLAIR", spacing=2.0), series("T1W"), series("lesion_mask", spacing=2.0)), "T1W")
    assert "/volume/id-T1W.vti" in text
    assert "/volume/id-lesion_mask.vti" not in text
    assert "mask lies on another sequence" in text


def test_an_empty_mask_is_not_a_missing_one() -> None:
    assert "mask is empty" in shown(scan(series("FLAIR"), series("lesion_mask", drawable=False), count=0))
    assert "no lesion mask" in shown(scan(series("FLAIR"), count=None))


def test_the_lesion_mask_comes_before_a_change_mask() -> None:
    both = scan(series("FLAIR"), series("change_mask"), series("lesion_mask"))
    assert "/volume/id-lesion_mask.vti" in shown(both)
    assert "/volume/id-change_mask.vti" not in shown(both)
    only_change = scan(series("FLAIR"), series("change_mask"), count=None)
    assert "/volume/id-change_mask.vti" in shown(only_change)
    assert "lesion change since the prior study" in shown(only_change)


def test_a_sequence_the_study_lacks_is_named() -> None:
    assert "no T2 in this study" in shown(scan(series("FLAIR")), "T2W")


@pytest.mark.parametrize("asked", [None, "", "nonsense", ["FLAIR"], 5])
def test_whatever_is_asked_for_an_image_is_shown(asked: object) -> None:
    parts = panel_parts(Case(ANNA, scans=(scan(series("FLAIR")),)), "a-1", asked)  # type: ignore[arg-type]
    assert "/volume/id-FLAIR.vti" in json.dumps(parts.viewer, cls=PlotlyJSONEncoder)


def test_the_page_opens_on_the_latest_study_with_images() -> None:
    older = replace(scan(series("FLAIR")), study_id="a-0", date=date(2020, 1, 1))
    latest = replace(scan(), study_id="a-2", date=date(2025, 1, 1))
    assert first_study(Case(ANNA, scans=(older, latest))) == "a-0"
    assert first_study(Case(ANNA, scans=(latest,))) == "a-2"
    assert first_study(Case(ANNA)) is None
