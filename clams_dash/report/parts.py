"""Building blocks of a letter: headings, lines with a state, small tables, escaped text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, Paragraph, Spacer, Table, TableStyle

from clams_dash.palette import Colour
from clams_dash.report.style import BODY, SMALL, WIDTH, draw_shape, ink, text_style


def text(words: str, size: float = BODY, colour: Colour = Colour.INK, *, strong: bool = False) -> Paragraph:
    """Words of a source or a rule as a paragraph; markup in them is shown, not obeyed."""
    return Paragraph(escape(words), text_style(size, colour, strong=strong))


def heading(title: str, aside: str = "") -> Flowable:
    """A section's title with a grey remark beside it."""
    remark = f" <font size={SMALL} color={Colour.MUTED.value}>{escape(aside)}</font>" if aside else ""
    return Paragraph(
        f"<b>{escape(title)}</b>{remark}",
        text_style(9.6, before=2.2 * mm, after=0.8 * mm, keep_with_next=True),
    )


class StateLine(Flowable):
    """The shape of a state, then words that may wrap."""

    def __init__(self, state: str, words: str, size: float = BODY, colour: Colour = Colour.INK) -> None:
        super().__init__()
        self._state = state
        self._words = text(words, size, colour)
        self._size = size

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Size in points within ``width``."""
        self.width = width
        _, self.height = self._words.wrap(width - 10, height)
        return self.width, self.height

    def draw(self) -> None:
        """Draw shape and words."""
        canvas: Canvas = self.canv
        draw_shape(canvas, self._state, 3.2, self.height - self._size * 0.72)
        self._words.drawOn(canvas, 10, 0)


def columns(cells: Sequence[Sequence[Any]], widths: Sequence[float], *, ruled: bool = True) -> Table:
    """Cells in rows, hairlines between the rows where ``ruled``."""
    table = Table([list(row) for row in cells], colWidths=list(widths), hAlign="LEFT")
    style: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 5),
        ("TOPPADDING", (0, 0), (-1, -1), 1.3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.6),
    ]
    if ruled:
        style.append(("LINEBELOW", (0, 0), (-1, -2), 0.4, ink(Colour.LINE)))
    table.setStyle(TableStyle(style))
    return table


def together(*parts: Flowable) -> Flowable:
    """Parts that stay on one page."""
    return KeepTogether(list(parts))


def gap(millimetres: float) -> Flowable:
    """Empty height."""
    return Spacer(WIDTH, millimetres * mm)
