"""The look in one place: colours with one meaning each, sizes, the plotly template. CSS has the same tokens."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import plotly.graph_objects as go

FONT = "Inter, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


class Colour(StrEnum):
    """Colours by meaning (design: product.md, Look)."""

    INK = "#0f1b2d"
    MUTED = "#5b6b80"
    LINE = "#dfe5ec"
    GROUND = "#f6f8fa"
    PAPER = "#ffffff"
    ACCENT = "#2458b8"
    THERAPY = "#c9d9f2"
    THERAPY_NOW = "#7fa6e0"
    ALERT = "#b3261e"
    WATCH = "#9a5b00"
    GOOD = "#1b7a43"
    NEW_LESION = "#f26b2e"
    VOLUME = "#0e7490"
    REFERENCE = "#e6f2ea"


class Size:
    """Type sizes in pixels."""

    SMALL = 10
    BODY = 11
    LABEL = 12


def plot_template() -> go.layout.Template:
    """Template of every figure: quiet grid, no boxes, tabular figures of the page's typeface."""
    axis: dict[str, Any] = {
        "gridcolor": Colour.LINE.value,
        "zeroline": False,
        "linecolor": Colour.LINE.value,
        "tickfont": {"size": Size.SMALL, "color": Colour.MUTED.value},
        "title": {"font": {"size": Size.SMALL, "color": Colour.MUTED.value}},
        "fixedrange": True,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": Size.BODY, "color": Colour.INK.value},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "showlegend": False,
            "hovermode": "closest",
            "hoverlabel": {
                "bgcolor": Colour.PAPER.value,
                "bordercolor": Colour.MUTED.value,
                "font": {"family": FONT, "size": Size.LABEL, "color": Colour.INK.value},
                "align": "left",
            },
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 8, "r": 8, "t": 4, "b": 4},
        }
    )


def mantine_theme() -> dict[str, Any]:
    """Theme of the Mantine components."""
    return {
        "fontFamily": FONT,
        "primaryColor": "blue",
        "defaultRadius": "sm",
        "fontSizes": {"xs": "11px", "sm": "12px", "md": "13px", "lg": "15px"},
    }
