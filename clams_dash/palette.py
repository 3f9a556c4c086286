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
    VOLUME = "#0e7490"
    REFERENCE = "#e6f2ea"
    BAND = "#eaf0f8"
