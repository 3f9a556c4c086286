"""The course of a case as a drawing for print: therapy, relapses, EDSS, MRI, T2 volume, laboratory, one date axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date

from reportlab.pdfbase import pdfmetrics
from reportlab.platypus import Flowable

from clams_dash.clinical.activity.clinical_fields import scored
from clams_dash.clinical.case_words import dmt_label
from clams_dash.clinical.convention import Convention
from clams_dash.clinical.labs.grades import limits_of
from clams_dash.clinical.labs.lanes import lab_lanes
from clams_dash.clinical.progression import progression
from clams_dash.clinical.words import printed_units
from clams_dash.model import catalogues
from clams_dash.model.records import Case
from clams_dash.palette import Colour
from clams_dash.report.axis import DateAxis, Lane
from clams_dash.report.style import REGULAR, TINY, WIDTH, ink

_GAP = 7.0
_AXIS_HEIGHT = 11.0
_SEVERITY = {"severe": Colour.ALERT, "moderate": Colour.WATCH}

Draw = Callable[[Lane], None]


class CourseChart(Flowable):
    """All lanes as known on ``end``; what is missing says so in its lane."""

    def __init__(self, case: Case, end: date, convention: Convention) -> None:
        super().__init__()
        self._axis = DateAxis.of(case, end, WIDTH)
        self._lanes: list[tuple[float, Draw]] = [
            (13, lambda lane: _therapy(lane, case, end)),
            (10, lambda lane: _relapses(lane, case)),
            (62, lambda lane: _edss(lane, case, convention)),
            (30, lambda lane: _new_lesions(lane, case)),
            (24, lambda lane: _t2_volume(lane, case)),
            *((24, _laboratory(case, analyte)) for analyte in lab_lanes(case, end)),
        ]
        self.width = WIDTH
        self.height = sum(height + _GAP for height, _ in self._lanes) + _AXIS_HEIGHT

    def wrap(self, *_: float) -> tuple[float, float]:
        """Size in points, as the page asks for it."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw the lanes from the top, years below."""
        top = self.height
        bottom = _AXIS_HEIGHT
        self.canv.setStrokeColor(ink(Colour.LINE))
        self.canv.setLineWidth(0.4)
        for day in self._axis.years():
            self.canv.line(self._axis.at(day), bottom, self._axis.at(day), top)
        for height, draw in self._lanes:
            top -= height
            draw(Lane(self.canv, self._axis, top, height))
            top -= _GAP
        foot = Lane(self.canv, self._axis, 0, _AXIS_HEIGHT)
        for day in self._axis.years():
            foot.text(self._axis.at(day), 2, str(day.year), Colour.MUTED, anchor="middle")


def _therapy(lane: Lane, case: Case, end: date) -> None:
    lane.label("Therapy")
    courses = [course for course in case.treatments if course.dmt != "none"]
    if not courses:
        lane.missing("no therapy on record")
    for course in courses:
        left, right = lane.axis.at(course.start_date), lane.axis.at(course.stop_date or end)
        ongoing = course.stop_date is None
        lane.canvas.setFillColor(ink(Colour.THERAPY_NOW if ongoing else Colour.THERAPY))
        lane.canvas.roundRect(left, lane.base, max(right - left, 1.5), lane.height, 1.5, stroke=0, fill=1)
        name = dmt_label(course.dmt)
        if pdfmetrics.stringWidth(name, REGULAR, TINY) + 6 <= right - left:
            lane.text(left + 3, lane.base + lane.height / 2 - 2.2, name)


def _relapses(lane: Lane, case: Case) -> None:
    lane.label("Relapses")
    if not case.relapses:
        lane.missing("none on record")
    for relapse in case.relapses:
        x, middle, half = lane.axis.at(relapse.date), lane.base + lane.height / 2, 3.4
        colour = ink(_SEVERITY.get(relapse.severity, Colour.MUTED))
        lane.canvas.setFillColor(colour)
        lane.canvas.setStrokeColor(colour)
        lane.canvas.setLineWidth(0.8)
        path = lane.canvas.beginPath()
        path.moveTo(x - half, middle - half * 0.8)
        path.lineTo(x + half, middle - half * 0.8)
        path.lineTo(x, middle + half)
        path.close()
        lane.canvas.drawPath(path, stroke=1, fill=int(relapse.severity in _SEVERITY))


def _edss(lane: Lane, case: Case, convention: Convention) -> None:
    lane.label("EDSS")
    visits = [(visit.date, visit.edss) for visit in scored(case) if visit.edss is not None]
    if not visits:
        lane.missing("no EDSS on record")
        return
    top = 10.0 if max(score for _, score in visits) > 6.5 else 7.0
    for value in range(0, int(top) + 1, 2):
        lane.tick(value, 0, top, str(value))
    points: list[tuple[float, float]] = []
    for day, score in visits:
        x, y = lane.axis.at(day), lane.scale(score, 0, top)
        if points:
            points.append((x, points[-1][1]))
        points.append((x, y))
    lane.line(points, Colour.ACCENT, 1.2)
    for day, score in visits:
        lane.canvas.setFillColor(ink(Colour.PAPER))
        lane.canvas.setStrokeColor(ink(Colour.ACCENT))
        lane.canvas.setLineWidth(0.7)
        lane.canvas.circle(lane.axis.at(day), lane.scale(score, 0, top), 1.5, stroke=1, fill=1)
    lane.text(lane.axis.at(visits[-1][0]) + 4, points[-1][1] - 2.2, f"{visits[-1][1]:.1f}", Colour.ACCENT, strong=True)
    _confirmed(lane, case, convention, top)


def _confirmed(lane: Lane, case: Case, convention: Convention, top: float) -> None:
    """Confirmed worsening as a mark above its onset, with its label."""
    right = 0.0
    for change in progression(case, convention).events:
        if change.kind != "CDW":
            continue
        words = change.label if change.label in ("PIRA", "RAW") else "CDW"
        x, y = lane.axis.at(change.onset_date), lane.scale(change.onset_edss, 0, top) + 5
        if x > right:
            lane.text(x, y, f"▲ {words}", Colour.ALERT)
            right = x + pdfmetrics.stringWidth(f"▲ {words} ", REGULAR, TINY)


def _new_lesions(lane: Lane, case: Case) -> None:
    lane.label("New T2 lesions", "● Gd-enhancing")
    if not case.scans:
        lane.missing("no MRI on record")
        return
    known = [scan.new_t2 for scan in case.scans if scan.new_t2 is not None]
    top = max([3, *known]) * 1.5
    for scan in case.scans:
        x = lane.axis.at(scan.date)
        lane.canvas.setFillColor(ink(Colour.NEW_LESION))
        lane.canvas.rect(x - 2, lane.base + 4, 4, lane.scale(scan.new_t2 or 0, 0, top) - lane.base, stroke=0, fill=1)
        words = "–" if scan.new_t2 is None else str(scan.new_t2)
        lane.text(x, lane.scale(scan.new_t2 or 0, 0, top) + 6, words, anchor="middle")
        lane.canvas.setFillColor(ink(Colour.INK))
        lane.canvas.rect(x - 1.4, lane.base, 2.8, 2.8, stroke=0, fill=1)
        if scan.gd_lesions:
            lane.text(x + 4.5, lane.scale(scan.new_t2 or 0, 0, top) + 6, f"●{scan.gd_lesions}", Colour.ALERT)


def _t2_volume(lane: Lane, case: Case) -> None:
    lane.label("T2 volume", "ml")
    measured = [(scan.date, scan.t2_volume_ml) for scan in case.scans if scan.t2_volume_ml is not None]
    _values(lane, measured, 1, Colour.VOLUME)


def _laboratory(case: Case, name: str) -> Draw:
    def draw(lane: Lane) -> None:
        analyte = catalogues.analytes()[name]
        lane.label(analyte.label, printed_units(f" {analyte.unit}").strip().lstrip("×"))
        results = [result for result in case.labs if result.analyte == name]
        if results:
            limits = limits_of(results[-1])
            _band(lane, [result.value for result in results], limits.lower, limits.upper)
        _values(lane, [(result.date, result.value) for result in results], analyte.decimals, Colour.INK)
        for result in results:
            if limits_of(result).outside(result.value):
                top = _top([one.value for one in results])
                _diamond(lane, lane.axis.at(result.date), lane.scale(result.value, 0, top))

    return draw


def _values(lane: Lane, measured: list[tuple[date, float]], decimals: int, colour: Colour) -> None:
    if not measured:
        lane.missing("not measured")
        return
    top = _top([value for _, value in measured])
    step = _round_down(top / 1.25)
    lane.tick(0, 0, top, "0")
    lane.tick(step, 0, top, f"{step:g}")
    points = [(lane.axis.at(day), lane.scale(value, 0, top)) for day, value in measured]
    lane.line(points, colour)
    lane.canvas.setFillColor(ink(colour))
    for x, y in points:
        lane.canvas.circle(x, y, 1.2, stroke=0, fill=1)
    lane.text(points[-1][0] + 4, points[-1][1] - 2.2, f"{measured[-1][1]:.{decimals}f}", colour, strong=True)


def _top(values: list[float]) -> float:
    return (max(values) or 1.0) * 1.25


def _band(lane: Lane, values: list[float], low: float | None, high: float | None) -> None:
    """The reference range behind the values; nothing where there is none."""
    if low is None and high is None:
        return
    top = _top(values)
    bottom, upper = lane.scale(low or 0.0, 0, top), lane.scale(top if high is None else high, 0, top)
    lane.canvas.setFillColor(ink(Colour.REFERENCE))
    lane.canvas.rect(lane.axis.left, bottom, lane.axis.right - lane.axis.left, upper - bottom, stroke=0, fill=1)


def _diamond(lane: Lane, x: float, y: float, half: float = 2.4) -> None:
    """Mark of a value outside its range."""
    lane.canvas.setFillColor(ink(Colour.ALERT))
    path = lane.canvas.beginPath()
    path.moveTo(x - half, y)
    path.lineTo(x, y + half)
    path.lineTo(x + half, y)
    path.lineTo(x, y - half)
    path.close()
    lane.canvas.drawPath(path, stroke=0, fill=1)


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in (1, 2, 5) if step * power <= value * (1 + 1e-9))
