"""A date axis shared by the lanes of the printed course, and the few strokes every lane is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from clams_dash.model.records import Case
from clams_dash.palette import Colour
from clams_dash.report.style import REGULAR, STRONG, TINY, ink

LABEL_WIDTH = 78.0
RIGHT_ROOM = 26.0


@dataclass(frozen=True, slots=True)
class DateAxis:
    """Dates from ``first`` to ``last`` laid from ``left`` to ``right`` (points)."""

    first: date
    last: date
    left: float
    right: float

    @classmethod
    def of(cls, case: Case, end: date, width: float) -> DateAxis:
        """An axis over all that is recorded, at least a year, for a drawing of ``width`` points."""
        days = [record.date for group in (case.visits, case.relapses, case.labs, case.scans) for record in group]
        days += [course.start_date for course in case.treatments]
        first = min([*days, end - timedelta(days=365)])
        margin = timedelta(days=int((end - first).days * 0.015) + 5)
        return cls(first - margin, end + margin, LABEL_WIDTH, width - RIGHT_ROOM)

    def at(self, day: date) -> float:
        """Place of a day in points, kept on the axis."""
        share = (day - self.first).days / (self.last - self.first).days
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def years(self) -> list[date]:
        """First days of years to label, at most about a dozen."""
        span = self.last.year - self.first.year
        step = next(step for step in (1, 2, 5, 10, 20) if span / step <= 12)
        return [
            date(year, 1, 1)
            for year in range(self.first.year + 1, self.last.year + 1)
            if year % step == 0 and self.first <= date(year, 1, 1) <= self.last
        ]


@dataclass(frozen=True, slots=True)
class Lane:
    """Room of one lane on a canvas: its base line and height in points."""

    canvas: Canvas
    axis: DateAxis
    base: float
    height: float

    def label(self, name: str, unit: str = "") -> None:
        """Name left of the lane, unit below it."""
        middle = self.base + self.height / 2
        self.text(0, middle + (1.2 if unit else -2.2), name, strong=True)
        if unit:
            self.text(0, middle - 7, unit, Colour.MUTED)

    def missing(self, words: str) -> None:
        """Say what is not there."""
        self.text(self.axis.left + 4, self.base + self.height / 2 - 2.2, words, Colour.MUTED)

    def text(
        self, x: float, y: float, words: str, colour: Colour = Colour.INK, *, strong: bool = False, anchor: str = "left"
    ) -> None:
        """Small text at a point."""
        font = STRONG if strong else REGULAR
        wide = pdfmetrics.stringWidth(words, font, TINY)
        self.canvas.setFillColor(ink(colour))
        self.canvas.setFont(font, TINY)
        self.canvas.drawString(x - {"left": 0.0, "middle": wide / 2, "right": wide}[anchor], y, words)

    def scale(self, value: float, low: float, high: float) -> float:
        """Height of a value between ``low`` (base) and ``high`` (top of the lane)."""
        share = (value - low) / (high - low)
        return self.base + min(max(share, 0.0), 1.0) * self.height

    def tick(self, value: float, low: float, high: float, words: str) -> None:
        """A grid line with its number left of the axis."""
        y = self.scale(value, low, high)
        self.canvas.setStrokeColor(ink(Colour.LINE))
        self.canvas.setLineWidth(0.4)
        self.canvas.line(self.axis.left, y, self.axis.right, y)
        self.text(self.axis.left - 3, y - 2.2, words, Colour.MUTED, anchor="right")

    def line(self, points: list[tuple[float, float]], colour: Colour, width: float = 1.0) -> None:
        """A line through points."""
        self.canvas.setStrokeColor(ink(colour))
        self.canvas.setLineWidth(width)
        path = self.canvas.beginPath()
        path.moveTo(*points[0])
        for point in points[1:]:
            path.lineTo(*point)
        self.canvas.drawPath(path, stroke=1, fill=0)
