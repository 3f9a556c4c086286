"""Words of the rules' texts: numbers with their nouns, names of therapies, spans of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from clams_dash.clinical.rule_files import DAYS_PER_MONTH, DAYS_PER_YEAR
from clams_dash.model import catalogues

_WEEKS_UP_TO_DAYS = 182
_MONTHS_UP_TO_DAYS = 730


def plural(count: int, noun: str, many: str | None = None) -> str:
    """A count with its noun in the right number."""
    return f"{count} {noun if count == 1 else many or noun + 's'}"


def drug(dmt: str) -> str:
    """A therapy's name within a sentence; the code itself when the catalogue does not know it."""
    known = catalogues.dmts().get(dmt)
    return in_sentence(known.label) if known else dmt


def in_sentence(label: str) -> str:
    """A label with a small first letter, unless it starts with an abbreviation."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def listed(parts: Sequence[str]) -> str:
    """Parts as an English list: ``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def printed_units(text: str) -> str:
    """The text with units as they are printed: ``10^9/L`` as ``×10⁹/L``."""
    return text.replace(" 10^9/L", " ×10⁹/L")


def span(first: date, last: date) -> str:
    """Time between two dates in days, weeks, months or years, as a clinician would say it."""
    days = (last - first).days
    if days < 14:
        return plural(days, "day")
    if days <= _WEEKS_UP_TO_DAYS:
        return plural(round(days / 7), "week")
    if days <= _MONTHS_UP_TO_DAYS:
        return plural(round(days / DAYS_PER_MONTH), "month")
    return plural(int(days / DAYS_PER_YEAR), "year")
