"""The letter of one case: what is new, is it active, the course, MRI, options, safety, and where it all came from."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, Image, PageTemplate

from clams_dash.clinical import case_words
from clams_dash.clinical.case_words import dmt_label, ending, iso
from clams_dash.clinical.summary import stands_out
from clams_dash.clinical.words import in_sentence, plural, printed_units, sentence
from clams_dash.config import NOT_A_DEVICE
from clams_dash.model.records import Scan, Source
from clams_dash.palette import Colour
from clams_dash.report.content import CaseLetter
from clams_dash.report.course import CourseChart
from clams_dash.report.options import OptionsChart
from clams_dash.report.parts import StateLine, columns, gap, heading, text, together
from clams_dash.report.style import MARGIN, PAGE, SMALL, TINY, WIDTH, PageFrame, load_fonts, page_painter
from clams_dash.response.prediction import COUNT_OUTCOMES

STRIP_LABELS = {
    "relapse": "Relapse", "edss": "EDSS", "t2": "New T2", "gd": "Gd", "brain_volume": "Brain volume",
    "safety": "Safety",
}  # fmt: skip
OUTCOME_WORDS = {
    "relapse": "Relapse within 24 months",
    "worsening": "EDSS worsening within 24 months, confirmed at 6 months",
    "new_t2": "New T2 lesions within a year, expected number",
    "neda": "No evidence of disease activity (NEDA-3) over 24 months",
}
_STRIP_COLUMNS = 3
_LINE_ITEMS = 10
_SAFETY_ITEMS = 10


def case_letter(letter: CaseLetter) -> bytes:
    """The letter as a PDF file, A4."""
    load_fonts()
    target = io.BytesIO()
    frame = PageFrame(
        title="Case summary",
        mark="SYNTHETIC" if letter.summary.case.patient.synthetic else "RESEARCH",
        about=f"{letter.summary.case.patient.patient_id} · as known on {iso(letter.summary.as_of)}",
        notice=NOT_A_DEVICE,
    )
    document = BaseDocTemplate(
        target,
        pagesize=PAGE,
        title=f"Case summary {letter.summary.case.patient.patient_id}",
        author="CLAMS Dash",
        subject=NOT_A_DEVICE,
        lang="en",
    )
    room = Frame(MARGIN, 13 * mm, WIDTH, PAGE[1] - 29 * mm, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate("page", [room]))
    document.build(_story(letter), canvasmaker=_numbered(frame))
    return target.getvalue()


def _numbered(frame: PageFrame) -> type[Canvas]:
    """A canvas that paints head and foot once the number of pages is known."""

    class Numbered(Canvas):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._held: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - the library's name
            self._held.append(dict(self.__dict__))
            self._startPage()  # type: ignore[attr-defined]

        def save(self) -> None:
            paint = page_painter(frame, len(self._held))
            for number, state in enumerate(self._held, start=1):
                self.__dict__.update(state)
                paint(self, number)
                super().showPage()
            super().save()

    return Numbered


def _story(letter: CaseLetter) -> list[Flowable]:
    return [
        *_person(letter),
        *_since_last_visit(letter),
        *_strip(letter),
        heading("Course", "one date axis · triangles are relapses · red diamonds lie outside the reference range"),
        CourseChart(letter.summary.case, letter.summary.as_of, letter.summary.convention),
        *_therapies(letter),
        *_imaging(letter),
        *_options(letter),
        *_safety(letter),
        *_origin(letter),
    ]


def _person(letter: CaseLetter) -> list[Flowable]:
    found = letter.summary
    case, day = found.case, found.as_of
    edss, before = case_words.edss(case, day)
    facts = [
        case_words.person(case.patient, day),
        case_words.course(case.patient, day),
        case_words.present_therapy(case, day),
        edss + (f" ({before})" if before else ""),
    ]
    return [
        text(case.patient.patient_id, 15, strong=True),
        gap(0.8),
        text(" · ".join(facts), 9.2),
        text(f"As known on {iso(day)} · centre {case.patient.centre or 'not recorded'}", SMALL, Colour.MUTED),
    ]


def _since_last_visit(letter: CaseLetter) -> list[Flowable]:
    found = letter.summary
    items = found.since_last_visit
    shown: list[Flowable] = [StateLine(item.severity, sentence(item.text)) for item in items[:_LINE_ITEMS]]
    more = items[_LINE_ITEMS:]
    if more:
        shown.append(text(f"and {plural(len(more), 'more item')}: see the consultation page", SMALL, Colour.MUTED))
    aside = f"after {iso(found.since)}" if found.since else "nothing earlier to compare with"
    return [heading("Since last visit", aside), *shown]


def _strip(letter: CaseLetter) -> list[Flowable]:
    cells = [
        [StateLine(field.state, STRIP_LABELS[name]), text(sentence(field.reason), SMALL, Colour.MUTED)]
        for name, field in letter.summary.strip.items()
    ]
    rows = [cells[start : start + _STRIP_COLUMNS] for start in range(0, len(cells), _STRIP_COLUMNS)]
    key = "triangle alert · half circle watch · disc ok · open circle not assessable"
    return [
        heading("Activity over the last twelve months", key),
        columns(rows, [WIDTH / _STRIP_COLUMNS] * _STRIP_COLUMNS),
        text(_convention(letter), TINY, Colour.MUTED),
    ]


def _convention(letter: CaseLetter) -> str:
    choices = letter.summary.convention.to_json()
    return f"{choices['threshold_text']}; confirmed at {choices['confirm_days']} days; {choices['pira_text']}."


def _therapies(letter: CaseLetter) -> list[Flowable]:
    courses = [course for course in letter.summary.case.treatments if course.dmt != "none"]
    if not courses:
        return []
    rows = [
        [
            text(dmt_label(course.dmt), SMALL, strong=True),
            text(f"{iso(course.start_date)} to {iso(course.stop_date) if course.stop_date else 'now'}", SMALL),
            text(f"stopped: {ending(course)}" if course.stop_date else ending(course), SMALL),
        ]
        for course in reversed(courses)
    ]
    return [together(heading("Therapies", plural(len(courses), "course")), columns(rows, [130, 130, WIDTH - 260]))]


def _imaging(letter: CaseLetter) -> list[Flowable]:
    scans = letter.summary.case.scans
    if not scans:
        return [heading("MRI"), text("No MRI study on record.", colour=Colour.MUTED)]
    last = scans[-1]
    parts: list[Flowable] = [heading("MRI", f"{plural(len(scans), 'study', 'studies')} on record, the last first")]
    parts.append(text(_scan_words(last)))
    if last.report_text:
        parts.append(text(f"Report: {last.report_text[:700]}", SMALL, Colour.MUTED))
    if letter.pictures:
        width = WIDTH / len(letter.pictures)
        parts += [
            gap(1),
            columns(
                [[_picture(one.png, one.width_mm, one.height_mm, width - 8) for one in letter.pictures],
                 [text(one.caption, TINY, Colour.MUTED) for one in letter.pictures]],
                [width] * len(letter.pictures), ruled=False,
            ),
        ]  # fmt: skip
    return [together(*parts)]


def _picture(png: bytes, width_mm: float, height_mm: float, room: float) -> Image:
    scale = min(room / width_mm, 62 * mm / height_mm)
    return Image(ImageReader(io.BytesIO(png)).fp, width_mm * scale, height_mm * scale)


def _scan_words(scan: Scan) -> str:
    new = "new T2 lesions not assessed" if scan.new_t2 is None else plural(scan.new_t2, "new T2 lesion")
    enlarging = "enlarging not assessed" if scan.enlarging_t2 is None else f"{scan.enlarging_t2} enlarging"
    load = "T2 load not measured"
    if scan.t2_count is not None and scan.t2_volume_ml is not None:
        mask = scan.mask_source or "origin not recorded"
        load = f"{plural(scan.t2_count, 'T2 lesion')}, {scan.t2_volume_ml:.1f} ml (mask: {mask})"
    if scan.gd_lesions is not None:
        contrast = plural(scan.gd_lesions, "enhancing lesion")
    else:
        contrast = "contrast not given" if scan.gd_given is False else "contrast not recorded"
    return f"{iso(scan.date)}: {new}, {enlarging}; {load}; {contrast}."


def _options(letter: CaseLetter) -> list[Flowable]:
    prediction = letter.prediction
    if prediction is None:
        return [heading("Perspectives"), text(letter.without_prediction, colour=Colour.MUTED)]
    basis = "synthetic patients" if prediction.synthetic else "this pool's patients"
    head = heading("Perspectives", f"if started on {iso(prediction.at)} · 90 % interval · trained on {basis}")
    parts: list[Flowable] = []
    half = WIDTH / 2
    stay = prediction.stay if prediction.stay_recorded else None
    charts = [
        [
            text(OUTCOME_WORDS.get(name, name), SMALL, strong=True),
            OptionsChart(arms, stay, half - 10, count=name in COUNT_OUTCOMES),
        ]
        for name, arms in prediction.outcomes.items()
        if any(arm.risk is not None for arm in arms)
    ]
    for start in range(0, len(charts), 2):
        pair = charts[start : start + 2]
        parts.append(columns([[*pair, *([""] * (2 - len(pair)))]], [half, half], ruled=False))
    if not charts:
        reasons = sorted({arm.reason or "" for arms in prediction.outcomes.values() for arm in arms})
        parts.append(text(f"No estimate: {'; '.join(reasons)}", colour=Colour.MUTED))
    silent = sorted({arm.dmt for arms in prediction.outcomes.values() for arm in arms if arm.risk is None})
    if charts and silent:
        why = "too few comparable people, or too seldom begun by people like this"
        parts.append(text(f"No estimate for {', '.join(map(dmt_label, silent))}: {why}.", TINY))
    parts.append(
        text(
            "Estimates of a statistical model: association, not proof of effect. No order of preference. "
            "n = comparable people in the training data; 'class' = the estimate is that of the drug's class.",
            TINY,
            Colour.MUTED,
        )
    )
    parts += _eligibility(letter)
    return [head, *parts]


def _eligibility(letter: CaseLetter) -> list[Flowable]:
    stops = [chip for chip in letter.eligibility if chip.verdict == "stop"]
    if not stops:
        return []
    words = "; ".join(f"{dmt_label(chip.drug)}: {chip.label.lower()}, {chip.finding}" for chip in stops)
    said = printed_units(f"Speaks against, by rule and apart from the model: {words}. Check the current label.")
    return [text(said, TINY)]


def _safety(letter: CaseLetter) -> list[Flowable]:
    found = [one for one in letter.summary.safety if stands_out(one)]
    if not found:
        return []
    said = dict.fromkeys((one.severity, printed_units(one.text)) for one in found)
    lines = [StateLine(severity, words, SMALL) for severity, words in list(said)[:_SAFETY_ITEMS]]
    hidden = len(said) - len(lines)
    more = [text(f"and {plural(hidden, 'more')}: see the consultation page", TINY, Colour.MUTED)] if hidden else []
    drugs = sorted({in_sentence(dmt_label(one.drug)) for one in found})
    return [heading("Safety monitoring", f"rules for {', '.join(drugs)}"), *lines, *more]


def _origin(letter: CaseLetter) -> list[Flowable]:
    origin = letter.origin
    case = letter.summary.case
    groups: Sequence[Sequence[Any]] = (
        case.visits, case.relapses, case.treatments, case.labs, case.scans, case.facts,
    )  # fmt: skip
    rows: list[Source] = [record.source for group in groups for record in group]
    batches = sorted({row.batch_id for row in rows})
    files = sorted({row.file for row in rows if row.file})
    named = ", ".join(files[:8]) + (f" and {len(files) - 8} more" if len(files) > 8 else "")
    words = (
        f"{len(rows)} rows of {plural(len(files), 'file')} ({named}); import {', '.join(batches)}. "
        f"Pool {origin.pool}; model {origin.model or 'none'}; CLAMS Dash {origin.software}. "
        f"Printed {origin.printed_at:%Y-%m-%d %H:%M} UTC."
    )
    return [together(heading("Where this comes from"), text(words, TINY, Colour.MUTED))]
