"""Therapy estimates of one outcome as dots with intervals, for print. No ranking: staying first, then the list."""

from __future__ import annotations

from collections.abc import Sequence

from reportlab.platypus import Flowable

from clams_dash.clinical.case_words import dmt_label
from clams_dash.palette import Colour
from clams_dash.report.style import REGULAR, STRONG, TINY, ink
from clams_dash.response.prediction import ArmPrediction

_ROW = 10.2
_HEAD = 12.0
_NAMES = 133.0
_FIGURES = 44.0
_LABEL_ROOM = 22.0
"""points that a label of the axis needs"""
_SHARE_STEPS = (0.1, 0.2, 0.25, 0.5)
_COUNT_STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)


class OptionsChart(Flowable):
    """Every therapy with an estimate; ``stay`` is the present therapy, None = not recorded.

    ``count``: estimates are expected numbers, not chances.
    """

    def __init__(
        self, estimates: Sequence[ArmPrediction], stay: str | None, width: float, *, count: bool = False
    ) -> None:
        super().__init__()
        self._shown = sorted((one for one in estimates if one.risk is not None), key=lambda one: one.dmt != stay)
        self._stay = stay
        self._count = count
        highest = max([0.3, *(one.high or 0.0 for one in self._shown)]) * 1.05
        self._top = highest if count else min(highest, 1.0)
        self.width = width
        self.height = _HEAD + _ROW * len(self._shown)

    def wrap(self, *_: float) -> tuple[float, float]:
        """Size in points, as the page asks for it."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw the axis, then a row per therapy."""
        steps = _COUNT_STEPS if self._count else _SHARE_STEPS
        step = next((one for one in steps if self._at(one) - self._at(0.0) >= _LABEL_ROOM), steps[-1])
        share = 0.0
        while share <= self._top + 1e-9:
            x = self._at(share)
            self.canv.setStrokeColor(ink(Colour.LINE))
            self.canv.setLineWidth(0.4)
            self.canv.line(x, 0, x, self.height - _HEAD + 2)
            self._text(
                x, self.height - 8, f"{share:g}" if self._count else f"{share:.0%}", Colour.MUTED, anchor="middle"
            )
            share += step
        staying = next((one.risk for one in self._shown if one.dmt == self._stay), None)
        if staying is not None:
            self.canv.setStrokeColor(ink(Colour.ACCENT))
            self.canv.setDash(1.5, 2)
            self.canv.line(self._at(staying), 0, self._at(staying), self.height - _HEAD)
            self.canv.setDash()
        for number, one in enumerate(self._shown):
            self._row(one, self.height - _HEAD - _ROW * (number + 0.5))

    def _row(self, one: ArmPrediction, y: float) -> None:
        if one.risk is None or one.low is None or one.high is None:
            return
        stays = one.dmt == self._stay
        name = f"Stay: {dmt_label(one.dmt)}" if stays else dmt_label(one.dmt)
        self._text(0, y - 2.2, name, strong=stays)
        self._text(
            _NAMES - 3, y - 2.2, f"n={one.n_similar}{' class' if one.reason else ''}", Colour.MUTED, anchor="right"
        )
        self.canv.setStrokeColor(ink(Colour.ACCENT if stays else Colour.MUTED))
        self.canv.setLineWidth(1.6)
        self.canv.line(self._at(one.low), y, self._at(one.high), y)
        self.canv.setFillColor(ink(Colour.INK))
        self.canv.circle(self._at(one.risk), y, 2.1, stroke=0, fill=1)
        if self._count:
            words = f"{one.risk:.1f} ({one.low:.1f}–{one.high:.1f})"
        else:
            words = f"{one.risk * 100:.0f} % ({one.low * 100:.0f}–{one.high * 100:.0f})"
        self._text(self.width, y - 2.2, words, anchor="right")

    def _at(self, share: float) -> float:
        left, right = _NAMES + 6, self.width - _FIGURES
        return left + share / self._top * (right - left)

    def _text(
        self, x: float, y: float, words: str, colour: Colour = Colour.INK, *, strong: bool = False, anchor: str = "left"
    ) -> None:
        self.canv.setFont(STRONG if strong else REGULAR, TINY)
        self.canv.setFillColor(ink(colour))
        canvas = self.canv
        draw = {"left": canvas.drawString, "middle": canvas.drawCentredString, "right": canvas.drawRightString}[anchor]
        draw(x, y, words)
