"""Parts of FHIR resources in plain terms: codes, days, quantities, references, and the pool's own extensions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from clams_dash.model.codes import SYSTEM_URIS

EXTENSION = f"{SYSTEM_URIS['clams']}:"
"""An extension ``urn:clams-dash:codes:TABLE.COLUMN`` carries a column of the pool that FHIR has no element for."""

_VALUES = ("valueString", "valueBoolean", "valueInteger", "valueDateTime", "valueDecimal", "valueDate", "valueCode")
_REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/.*)?$")


@dataclass(frozen=True, slots=True)
class Day:
    """A day as ``YYYY-MM-DD``. ``whole`` is False when only its month or year was told and the middle was taken."""

    text: str
    whole: bool


def day_of(value: object) -> Day | None:
    """Day of a FHIR date or dateTime: as written, in its own time zone; the middle of a month or year told alone."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return Day(value.date().isoformat(), True)
    if isinstance(value, date):
        return Day(value.isoformat(), True)
    text = str(value)
    if re.fullmatch(r"\d{4}", text):
        return Day(f"{text}-07-01", False)
    if re.fullmatch(r"\d{4}-\d{2}", text):
        return Day(f"{text}-15", False)
    return Day(text[:10], True)


def start_and_end(owner: Any, name: str) -> tuple[Day | None, Day | None]:
    """First and last day of ``nameDateTime`` or ``namePeriod``."""
    moment, period = getattr(owner, f"{name}DateTime", None), getattr(owner, f"{name}Period", None)
    if period is not None:
        return day_of(period.start), day_of(period.end)
    return day_of(moment), None


def codings(concept: Any) -> tuple[tuple[str, str], ...]:
    """System and code of every coding of a CodeableConcept."""
    return tuple((one.system, one.code) for one in (concept.coding or ()) if one.system and one.code) if concept else ()


def words(concept: Any) -> str:
    """Text and displays of a CodeableConcept."""
    if concept is None:
        return ""
    said = [concept.text, *(one.display for one in concept.coding or ())]
    return "; ".join(dict.fromkeys(one for one in said if one))


def own_code(concept: Any) -> str | None:
    """Code of the pool's own system in a CodeableConcept."""
    return next((code for system, code in codings(concept) if system == SYSTEM_URIS["clams"]), None)


def value_of(owner: Any) -> tuple[object, str | None]:
    """Value and unit of an Observation or component; a comparator stays with its number (``<0.5`` is no 0.5)."""
    quantity = getattr(owner, "valueQuantity", None)
    if quantity is not None:
        number = None if quantity.value is None else f"{quantity.comparator or ''}{quantity.value}"
        return number, quantity.code or quantity.unit
    concept = getattr(owner, "valueCodeableConcept", None)
    if concept is not None:
        return own_code(concept) or concept.text or words(concept) or None, None
    return _plain(owner), None


def _plain(owner: Any) -> object:
    given = [getattr(owner, name, None) for name in _VALUES]
    return next((str(value) if not isinstance(value, bool) else value for value in given if value is not None), None)


def reference(value: Any, kind: str, urls: dict[str, tuple[str, str]]) -> str | None:
    """Id of the resource of a type that a Reference points to; None when it points elsewhere or nowhere."""
    text = getattr(value, "reference", None)
    if not text:
        return None
    if text in urls:
        found = urls[text]
    else:
        match = _REFERENCE.search(text)
        if match is None:
            return None
        found = match.group(1), match.group(2)
    return found[1] if found[0] == kind else None


def extension_columns(owner: Any, table: str) -> dict[str, object]:
    """Columns of a table that the pool's own extensions carry."""
    prefix = f"{EXTENSION}{table}."
    return {
        one.url.removeprefix(prefix): _plain(one)
        for one in getattr(owner, "extension", None) or ()
        if one.url and one.url.startswith(prefix)
    }
