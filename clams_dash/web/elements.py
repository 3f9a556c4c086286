"""Small helpers around Dash components."""

from __future__ import annotations

from typing import TypeVar

from dash.development.base_component import Component

AnyComponent = TypeVar("AnyComponent", bound=Component)


def named(component: AnyComponent, name: str) -> AnyComponent:
    """Give a component the name a screen reader says."""
    setattr(component, "aria-label", name)
    return component
