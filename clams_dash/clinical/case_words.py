"""Facts of a case in the words of the page. What is not known is said to be not known."""

from __future__ import annotations

from datetime import date

from clams_dash.clinical.words import in_sentence, plural
from clams_dash.model import catalogues
from clams_dash.model.records import Case, Patient, TreatmentCourse

DAYS_PER_YEAR = 365.25
OLD_EDSS_DAYS = 365
"""Registries examine every 3 to 12 months (clinical.md 5.3 and 7), so an older EDSS is named with its date."""


def iso(day: date | None) -> str:
    """A date as YYYY-MM-DD."""
    return day.isoformat() if day else "date not known"


def years_between(first: date, last: date) -> int:
    """Completed years."""
    return last.year - first.year - ((last.month, last.day) < (first.month, first.day))


def age(patient: Patient, day: date) -> str | None:
    """Age on a day, with a tilde when the birth date is approximate; None when not known."""
    if patient.birth_date is None or day < patient.birth_date:
        return None
    return f"{'~' if patient.birth_date_approximate else ''}{years_between(patient.birth_date, day)}"


def person(patient: Patient, day: date | None) -> str:
    """Sex and age, such as ``woman, 34``."""
    sex = {"female": "woman", "male": "man"}.get(patient.sex or "", "sex not known")
    years = age(patient, day) if day else None
    return f"{sex}, {years}" if years else f"{sex}, age not known"


def course(patient: Patient, day: date | None) -> str:
    """Course and time since onset."""
    label = catalogues.labels("courses").get(patient.course, patient.course)
    if patient.onset_date and day and day >= patient.onset_date:
        return f"{label}, {plural(years_between(patient.onset_date, day), 'year')} since onset"
    return f"{label}, onset not known"


def dmt_label(dmt: str) -> str:
    """A therapy's name for reading."""
    known = catalogues.dmts().get(dmt)
    return known.label if known else dmt


def ending(course: TreatmentCourse) -> str:
    """Whether a course goes on, else why it was stopped."""
    if course.stop_date is None:
        return "ongoing"
    reason = course.stop_reason
    if reason in (None, "unknown"):
        return "reason not recorded"
    return catalogues.labels("stop_reasons").get(reason, reason)


def present_therapy(case: Case, day: date | None) -> str:
    """The therapy on a day and since when."""
    current = case.treatment_on(day) if day else None
    if current is not None and day is not None:
        return f"{in_sentence(dmt_label(current.dmt))}, {duration(current.start_date, day)}"
    return "no therapy at present" if case.treatments else "therapy not recorded"


def duration(first: date, last: date) -> str:
    """Time between two dates, in months below two years."""
    months = round((last - first).days / (DAYS_PER_YEAR / 12))
    return plural(months, "month") if months < 24 else plural(years_between(first, last), "year")


def edss(case: Case, day: date | None) -> tuple[str, str | None]:
    """The last EDSS; the one before where it differs; its date where it is more than a year old."""
    scores = [visit.edss for visit in case.visits if visit.edss is not None]
    if not scores:
        return "EDSS not recorded", None
    before = [f"was {scores[-2]:.1f}"] if len(scores) > 1 and scores[-2] != scores[-1] else []
    last = max(visit.date for visit in case.visits if visit.edss is not None)
    if day is not None and (day - last).days > OLD_EDSS_DAYS:
        before.append(f"of {iso(last)}")
    return f"EDSS {scores[-1]:.1f}", ", ".join(before) or None
