"""The look of printed pages: typeface, sizes, colours, the shapes that carry a state, head and foot of a page.

Inter 4.1 (SIL Open Font License) as two static cuts, reduced to the characters of western texts, figures of one width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from clams_dash.palette import Colour

FONTS_DIR = Path(__file__).parent / "fonts"
REGULAR, STRONG = "Inter", "Inter-SemiBold"
PAGE = A4
MARGIN = 15 * mm
WIDTH = PAGE[0] - 2 * MARGIN
"""Width of the text in points."""
BODY, SMALL, TINY = 8.2, 7.2, 6.4

STATE_COLOUR = {
    "alert": Colour.ALERT,
    "watch": Colour.WATCH,
    "ok": Colour.GOOD,
    "not_assessable": Colour.MUTED,
    "info": Colour.MUTED,
}


@lru_cache(maxsize=1)
def load_fonts() -> None:
    """Make the typeface known to the PDF library, once per process."""
    pdfmetrics.registerFont(TTFont(REGULAR, str(FONTS_DIR / "inter-regular.ttf")))
    pdfmetrics.registerFont(TTFont(STRONG, str(FONTS_DIR / "inter-semibold.ttf")))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=STRONG, italic=REGULAR, boldItalic=STRONG)


def ink(colour: Colour) -> Color:
    """A colour of the palette for the PDF library."""
    return HexColor(colour.value)


def text_style(
    size: float = BODY,
    colour: Colour = Colour.INK,
    *,
    strong: bool = False,
    before: float = 0.0,
    after: float = 0.0,
    keep_with_next: bool = False,
) -> ParagraphStyle:
    """A paragraph in one of the sizes, with empty height before and after it (points)."""
    return ParagraphStyle(
        f"{size}-{colour.name}-{strong}",
        fontName=STRONG if strong else REGULAR,
        fontSize=size,
        leading=size * 1.35,
        textColor=ink(colour),
        alignment=TA_LEFT,
        spaceBefore=before,
        spaceAfter=after,
        keepWithNext=int(keep_with_next),
    )


def draw_shape(canvas: Canvas, state: str, x: float, y: float, size: float = 5.2) -> None:
    """Draw the shape of a state with its centre at ``x``, ``y``, so that no state is carried by colour alone.

    Triangle = alert, half circle = watch, disc = ok, circle = not assessable, dash = for information.
    """
    radius, colour = size / 2, ink(STATE_COLOUR[state])
    canvas.saveState()
    canvas.setFillColor(colour)
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(0.7)
    if state == "alert":
        path = canvas.beginPath()
        path.moveTo(x - radius, y - radius * 0.85)
        path.lineTo(x + radius, y - radius * 0.85)
        path.lineTo(x, y + radius)
        path.close()
        canvas.drawPath(path, stroke=0, fill=1)
    elif state == "info":
        canvas.line(x - radius, y, x + radius, y)
    else:
        canvas.circle(x, y, radius * 0.9, stroke=1, fill=int(state == "ok"))
        if state == "watch":
            canvas.wedge(
                x - radius * 0.9, y - radius * 0.9, x + radius * 0.9, y + radius * 0.9, 90, 180, stroke=0, fill=1
            )
    canvas.restoreState()


@dataclass(frozen=True, slots=True)
class PageFrame:
    """What every page carries: ``mark`` (SYNTHETIC or RESEARCH), who it is about, the notice at the foot."""

    title: str
    mark: str
    about: str
    notice: str


def page_painter(frame: PageFrame, pages: int) -> Callable[[Canvas, int], None]:
    """Painter of head and foot for page ``number`` of ``pages``."""

    def paint(canvas: Canvas, number: int) -> None:
        width, height = PAGE
        top, foot = height - 11 * mm, 8 * mm
        canvas.saveState()
        canvas.setFillColor(ink(Colour.ACCENT))
        canvas.setFont(STRONG, 10)
        canvas.drawString(MARGIN, top, "CLAMS")
        canvas.setFillColor(ink(Colour.MUTED))
        canvas.setFont(REGULAR, SMALL)
        canvas.drawString(MARGIN + 40, top, frame.title)
        _mark(canvas, frame.mark, width - MARGIN, top)
        canvas.setStrokeColor(ink(Colour.LINE))
        canvas.setLineWidth(0.6)
        canvas.line(MARGIN, top - 6, width - MARGIN, top - 6)
        canvas.line(MARGIN, foot + 9, width - MARGIN, foot + 9)
        canvas.setFillColor(ink(Colour.MUTED))
        canvas.setFont(REGULAR, TINY)
        canvas.drawString(MARGIN, foot, f"{frame.about} · {frame.notice}")
        canvas.drawRightString(width - MARGIN, foot, f"page {number} of {pages}")
        canvas.restoreState()

    return paint


def _mark(canvas: Canvas, text: str, right: float, base: float) -> None:
    wide = pdfmetrics.stringWidth(text, STRONG, SMALL) + 10
    canvas.setStrokeColor(ink(Colour.WATCH))
    canvas.setLineWidth(0.8)
    canvas.roundRect(right - wide, base - 3, wide, 11, 2, stroke=1, fill=0)
    canvas.setFillColor(ink(Colour.WATCH))
    canvas.setFont(STRONG, SMALL)
    canvas.drawString(right - wide + 5, base, text)
