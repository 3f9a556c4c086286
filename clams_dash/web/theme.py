"""The look of the pages: sizes, the plotly template, the theme of the components. CSS has the same tokens."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from clams_dash.palette import Colour

__all__ = ["FONT", "Colour", "Size", "mantine_theme", "plot_template"]

FONT = "Inter, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


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
