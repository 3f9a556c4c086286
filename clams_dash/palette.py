"""Colours by meaning, for pages and prints alike. CSS has the same tokens."""

from __future__ import annotations

from enum import StrEnum


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
    ENLARGING_LESION = "#ffc933"
    STABLE_LESION = "#22d3ee"
    RESOLVED_LESION = "#9aa8b8"
    BRAIN = "#e3dcd6"
    VOLUME = "#0e7490"
    REFERENCE = "#e6f2ea"
    BAND = "#eaf0f8"

    def shares(self) -> list[float]:
        """Red, green and blue from 0 to 1, as vtk takes them."""
        return [int(self.value[start : start + 2], 16) / 255 for start in (1, 3, 5)]
