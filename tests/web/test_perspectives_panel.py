"""Perspectives in words and marks: intervals, what is not told apart, and where the model abstains."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from clams_dash.response.prediction import ArmPrediction, Prediction
from clams_dash.web.figures.perspectives import perspectives
from clams_dash.web.services import NoPrediction
from clams_dash.web.views.perspectives_panel import against_staying, has_estimates, layout


def arm(
    dmt: str, risk: float | None, gap: tuple[float, float] | None = None, reason: str | None = None
) -> ArmPrediction:
    low, high = (None, None) if risk is None else (risk - 0.1, risk + 0.1)
    difference = None if gap is None else sum(gap) / 2
    diff_low, diff_high = gap or (None, None)
    return ArmPrediction(dmt, risk, low, high, difference, diff_low, diff_high, 40, 0.1, risk is None, reason, ())


STAY = arm("dimethyl_fumarate", 0.30, (0.0, 0.0))
BETTER = arm("natalizumab", 0.15, (-0.25, -0.05))
ALIKE = arm("fingolimod", 0.28, (-0.12, 0.08), "estimate for the class")
WORSE = arm("none", 0.45, (0.02, 0.28))
SILENT = arm("alemtuzumab", None, reason="only 4 comparable people")


def test_only_what_is_beyond_the_interval_is_told_apart() -> None:
    words = against_staying([STAY, BETTER, ALIKE, WORSE, SILENT], "dimethyl_fumarate")
    assert words == (
        "lower with natalizumab; higher with no therapy than staying; the others are not told apart from it (90 %)."
    )
    assert against_staying([STAY, ALIKE], "dimethyl_fumarate") == "no therapy is told apart from staying (90 %)."


def test_without_an_estimate_for_staying_nothing_is_compared() -> None:
    assert "staying cannot be judged" in against_staying([BETTER, SILENT], "alemtuzumab")


def test_a_therapy_that_is_not_recorded_is_no_staying_untreated() -> None:
    words = against_staying([WORSE, ALIKE], "none", recorded=False)
    assert words == "the present therapy is not recorded, so no therapy is compared with staying."
    figure = perspectives([WORSE, ALIKE], None)
    assert not any("Stay" in annotation.text for annotation in figure.layout.annotations)
    assert figure.layout.shapes == ()


def test_every_dot_has_its_interval_and_staying_comes_first() -> None:
    figure = perspectives([WORSE, BETTER, STAY, SILENT], "dimethyl_fumarate")
    lines, dots = figure.data[::2], figure.data[1::2]
    assert [dot.x[0] for dot in dots] == [0.30, 0.45, 0.15]
    assert [end for line in lines for end in line.x] == pytest.approx([0.20, 0.40, 0.35, 0.55, 0.05, 0.25])
    texts = [annotation.text for annotation in figure.layout.annotations]
    assert "<b>Stay: dimethyl fumarate</b>" in texts
    assert not any("lemtuzumab" in text for text in texts)


def test_a_borrowed_estimate_says_that_it_is_of_the_class() -> None:
    texts = [annotation.text for annotation in perspectives([STAY, ALIKE], "dimethyl_fumarate").layout.annotations]
    assert "n=40 class" in texts
    assert "n=40" in texts


def test_a_prediction_that_abstains_everywhere_has_nothing_to_draw() -> None:
    silent = Prediction("anna", date(2024, 1, 1), 24, "m", True, "none", True, {"relapse": (SILENT,)}, {"relapse": ()})
    assert not has_estimates(silent)
    assert not has_estimates(NoPrediction("no model"))


def test_expected_lesions_are_numbers_not_percentages() -> None:
    some = replace(arm("fingolimod", 2.4, (-1.0, 0.2)), observed_low=0.0, observed_high=7.0)
    figure = perspectives([some], "none", count=True)
    assert any("<b>2.4</b>" in annotation.text for annotation in figure.layout.annotations)
    assert "0 to 7" in figure.data[1].hovertemplate
    assert not any("%" in (axis.tickformat or "") for axis in (figure.layout.xaxis, figure.layout.xaxis2))


def test_panel_says_whether_effects_are_of_the_person_or_of_the_average() -> None:
    outcomes: dict[str, tuple[ArmPrediction, ...]] = {"relapse": (STAY, ALIKE), "neda": (STAY, ALIKE)}
    found = Prediction(
        "anna",
        date(2024, 1, 1),
        24,
        "m",
        True,
        "dimethyl_fumarate",
        True,
        outcomes,
        {},
        {"relapse": True, "neda": False},
    )
    words = str(layout(found))
    assert "Effects may differ between people" in words
    assert "baseline risk × average relative effect" in words
    assert "NEDA-3" in words
