"""Small helpers around Dash components."""

from __future__ import annotations

from datetime import date
from typing import TypeVar

from dash.development.base_component import Component
from werkzeug.exceptions import BadRequest

AnyComponent = TypeVar("AnyComponent", bound=Component)


def named(component: AnyComponent, name: str) -> AnyComponent:
    """Give a component the name a screen reader says."""
    setattr(component, "aria-label", name)
    return component


def asked_rows(request: object, page_rows: int) -> tuple[int, int]:
    """First row and number of rows of a grid's request; anything else than such a request asks for the first page."""
    asked = request if isinstance(request, dict) else {}
    first = _whole(asked.get("startRow"), 0)
    return first, max(1, min(_whole(asked.get("endRow"), first + page_rows) - first, 500))


def day_of(at: object) -> date | None:
    """The day of the page's store. Raises BadRequest for anything but a date or nothing."""
    if at is None:
        return None
    try:
        return date.fromisoformat(str(at))
    except ValueError as error:
        raise BadRequest("the day of the page is not a date") from error


def _whole(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and 0 <= value < 10**9 else otherwise
