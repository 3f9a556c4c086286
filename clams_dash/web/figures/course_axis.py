"""The one date axis of the course: how much of it is shown, and from which day its labels count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from clams_dash.clinical.rule_files import DAYS_PER_MONTH, DAYS_PER_YEAR
from clams_dash.model.records import Case

Span = Literal["all", "two_years"]
Anchor = Literal["calendar", "onset", "therapy"]
SPANS: tuple[Span, ...] = ("all", "two_years")
ANCHORS: tuple[Anchor, ...] = ("calendar", "onset", "therapy")
_TWO_YEARS = 730
_MOST_LABELS = 9
_STEPS = (1, 2, 3, 5, 10)


@dataclass(frozen=True, slots=True)
class CourseAxis:
    """What the axis shows. ``therapy`` counts from the start of the present therapy."""

    span: Span = "all"
    anchor: Anchor = "calendar"

    def limits(self, case: Case, end: date) -> tuple[date, date]:
        """First and last day shown, with room for labels right of the last values."""
        first = _first_day(case, end) if self.span == "all" else end - timedelta(days=_TWO_YEARS)
        width = max((end - first).days, _TWO_YEARS)
        first = min(first, end - timedelta(days=365))
        return first - timedelta(days=int(width * 0.03) + 20), end + timedelta(days=int(width * 0.07) + 20)

    def zero(self, case: Case, end: date) -> date | None:
        """The day the labels count from; None for calendar dates, and where that day is not known."""
        if self.anchor == "onset":
            return case.patient.onset_date
        course = case.treatment_on(end)
        return course.start_date if self.anchor == "therapy" and course else None

    def layout(self, case: Case, end: date) -> dict[str, Any]:
        """The axis for plotly: range and ticks."""
        first, last = self.limits(case, end)
        shown: dict[str, Any] = {"type": "date", "range": [first.isoformat(), last.isoformat()]}
        zero = self.zero(case, end)
        if zero is None:
            return shown | {"tickmode": "auto", "nticks": _MOST_LABELS, "tickvals": None, "ticktext": None}
        days, words = _counted(first, last, zero)
        return shown | {"tickmode": "array", "tickvals": [day.isoformat() for day in days], "ticktext": words}


def unavailable(case: Case, end: date) -> tuple[Anchor, ...]:
    """Anchors whose day is not known for this case."""
    return tuple(anchor for anchor in ANCHORS[1:] if CourseAxis(anchor=anchor).zero(case, end) is None)


def _first_day(case: Case, end: date) -> date:
    days = [record.date for group in (case.visits, case.relapses, case.labs, case.scans) for record in group]
    return min([*days, *(course.start_date for course in case.treatments)], default=end)


def _counted(first: date, last: date, zero: date) -> tuple[list[date], list[str]]:
    """Days a whole number of years (months where little is shown) from ``zero``, and what they are called."""
    shown = (last - first).days
    unit, name = (DAYS_PER_YEAR, "y") if shown > 4 * DAYS_PER_YEAR else (6 * DAYS_PER_MONTH, "mo")
    step = next((step for step in _STEPS if shown / (unit * step) <= _MOST_LABELS), _STEPS[-1])
    low, high = int((first - zero).days / unit) - 1, int((last - zero).days / unit) + 1
    counts = [count for count in range(low, high + 1) if count % step == 0]
    days = [zero + timedelta(days=round(count * unit)) for count in counts]
    size = 1 if name == "y" else 6
    labels = [f"{count * size:+d} {name}" if count else "0" for count in counts]
    kept = [(day, label) for day, label in zip(days, labels, strict=True) if first <= day <= last]
    return [day for day, _ in kept], [label for _, label in kept]
