"""The course panel of the consultation: the figure, how much of it is shown, and by which definitions changes count.

Flow::

    chosen study ------------------------> redraw (cursor only) --> figure
    span, anchor, threshold, weeks, PIRA -> redraw ---------------> figure
    threshold, weeks, PIRA ---------------> redefine -------------> line and strip of the page, words beside the title
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, Patch, State, ctx, dcc, html
from dash.development.base_component import Component

from clams_dash.clinical.convention import Convention
from clams_dash.clinical.definitions import progression_rules
from clams_dash.clinical.edss import edss_rules
from clams_dash.clinical.progression import progression
from clams_dash.model.records import Case
from clams_dash.web.elements import day_of, named
from clams_dash.web.figures.course_axis import ANCHORS, SPANS, CourseAxis, unavailable
from clams_dash.web.figures.timeline import CURSOR_SHAPE, CourseContext, last_day, timeline
from clams_dash.web.ids import Consultation
from clams_dash.web.services import Services
from clams_dash.web.views import state_panel

GRAPH_CONFIG: Any = {"displayModeBar": False, "responsive": True, "doubleClick": False}
CONFIRM_WEEKS = ("12", "24")
_SPANS = {"all": "all", "two_years": "2 years"}
_ANCHORS = {"calendar": "dates", "onset": "since onset", "therapy": "since therapy"}


@dataclass(frozen=True, slots=True)
class Definitions:
    """The choices of the panel as they come from the page: anything may come, what is unknown is the default."""

    threshold: object = None
    weeks: object = None
    pira: object = None

    def convention(self) -> Convention:
        """The convention these choices stand for."""
        default = Convention()
        threshold = _known(self.threshold, edss_rules().conventions, default.threshold)
        days = 7 * int(_known(self.weeks, CONFIRM_WEEKS, str(default.confirm_days // 7)))
        pira = _known(self.pira, progression_rules().definitions, default.pira)
        return Convention.named(pira, threshold=threshold, confirm_days=days)


def _known(chosen: object, choices: Iterable[str], default: str) -> str:
    return next((one for one in choices if one == chosen), default)


def layout(services: Services, case: Case, study: str | None, at: date | None) -> Component:
    """The panel, opened on all of the course by dates."""
    head = html.Div(
        [
            html.H2("Course"),
            _choice(Consultation.SPAN, _SPANS, "How much of the course is shown"),
            _choice(Consultation.ANCHOR, _ANCHORS, "Where the time axis starts", unavailable(case, last_day(case))),
            _definitions(),
            html.Span(words(Convention()), id=Consultation.DEFINED, className="clams-muted"),
        ],
        className="clams-panel-head",
    )
    graph = dcc.Graph(
        id=Consultation.TIMELINE,
        figure=timeline(case, study, context(services, case, at, Convention())),
        config=GRAPH_CONFIG,
        className="clams-graph",
        responsive=True,
    )
    section = html.Section([head, graph], className="clams-panel clams-course")
    return named(section, "Course of the disease")


def skeleton() -> list[Component]:
    """The components that callbacks name, empty."""
    return [
        dcc.Graph(id=Consultation.TIMELINE),
        dmc.SegmentedControl(id=Consultation.SPAN, data=[]),
        dmc.SegmentedControl(id=Consultation.ANCHOR, data=[]),
        html.Span(id=Consultation.DEFINED),
        html.Div(id=Consultation.STATE),
        *(dmc.SegmentedControl(id=one, data=[]) for one in (Consultation.THRESHOLD, Consultation.WEEKS)),
        dmc.Select(id=Consultation.PIRA),
    ]


def context(services: Services, case: Case, at: date | None, convention: Convention) -> CourseContext:
    """What rules and cohort add to the figure."""
    return CourseContext(progression(case, convention), services.edss_band(case.patient.patient_id, at))


def words(convention: Convention) -> str:
    """Which definitions are in force, in a few words."""
    label = convention.definition().label.split(":")[0]
    return f"{convention.confirm_days // 7} weeks · {label} · threshold {convention.threshold}"


def cursor_patch(case: Case, study_id: str | None) -> Patch:
    """Move the vertical line of the course to a study."""
    day = next((scan.date.isoformat() for scan in case.scans if scan.study_id == study_id), None)
    patch = Patch()
    cursor = patch["layout"]["shapes"][CURSOR_SHAPE]
    cursor["visible"] = day is not None
    cursor["x0"] = day
    cursor["x1"] = day
    return patch


def chosen_axis(span: object, anchor: object) -> CourseAxis:
    """The axis of the page's choices; what is unknown is the default."""
    wanted = next((one for one in SPANS if one == span), SPANS[0])
    return CourseAxis(wanted, next((one for one in ANCHORS if one == anchor), ANCHORS[0]))


def register(app: Dash, services: Services) -> None:
    """Connect the choices of the panel to the figure, the line and the strip."""
    chosen = [Input(one, "value") for one in (Consultation.THRESHOLD, Consultation.WEEKS, Consultation.PIRA)]
    shown = [Input(one, "value") for one in (Consultation.SPAN, Consultation.ANCHOR)]
    whose = [State(Consultation.PATIENT, "data"), State(Consultation.AT, "data")]

    @app.callback(
        Output(Consultation.TIMELINE, "figure"),
        Input(Consultation.STUDY, "value"),
        *shown,
        *chosen,
        *whose,
        prevent_initial_call=True,
    )
    def redraw(
        study: str | None, span: object, anchor: object, threshold: object, weeks: object, pira: object,
        patient_id: str, at: str | None,
    ) -> Any:  # fmt: skip
        day = day_of(at)
        case = services.open_case(patient_id, day)
        if ctx.triggered_id == Consultation.STUDY:
            return cursor_patch(case, study)
        convention = Definitions(threshold, weeks, pira).convention()
        return timeline(case, study, context(services, case, day, convention), chosen_axis(span, anchor))

    @app.callback(
        Output(Consultation.STATE, "children"),
        Output(Consultation.DEFINED, "children"),
        *chosen,
        *whose,
        prevent_initial_call=True,
    )
    def redefine(
        threshold: object, weeks: object, pira: object, patient_id: str, at: str | None
    ) -> tuple[list[Component], str]:
        convention = Definitions(threshold, weeks, pira).convention()
        return state_panel.parts(services.summary(patient_id, day_of(at), convention)), words(convention)


def _choice(name: Consultation, choices: dict[str, str], label: str, barred: tuple[str, ...] = ()) -> Component:
    control: Component = dmc.SegmentedControl(
        id=name,
        data=[{"value": value, "label": text, "disabled": value in barred} for value, text in choices.items()],
        value=next(iter(choices)),
        size="xs",
        className="clams-choice",
    )
    return named(control, label)


def _definitions() -> Component:
    default = Convention()
    thresholds = {name: f"{name}: {one.label}" for name, one in edss_rules().conventions.items()}
    pira = [{"value": name, "label": one.label} for name, one in progression_rules().definitions.items()]
    fields = [
        html.Label("A change counts from (EDSS steps)"),
        named(
            dmc.SegmentedControl(
                id=Consultation.THRESHOLD,
                data=[{"value": name, "label": text} for name, text in thresholds.items()],
                value=default.threshold,
                size="xs",
                orientation="vertical",
                fullWidth=True,
            ),
            "Threshold of a change",
        ),
        html.Label("Confirmed after"),
        named(
            dmc.SegmentedControl(
                id=Consultation.WEEKS,
                data=[{"value": weeks, "label": f"{weeks} weeks"} for weeks in CONFIRM_WEEKS],
                value=str(default.confirm_days // 7),
                size="xs",
            ),
            "Weeks to confirmation",
        ),
        html.Label("Independent of relapses (PIRA) by"),
        named(
            dmc.Select(
                id=Consultation.PIRA,
                data=pira,
                value=default.pira,
                size="xs",
                allowDeselect=False,
                comboboxProps={"withinPortal": False},
            ),
            "Definition of PIRA",
        ),
    ]
    popover: Component = dmc.Popover(
        [
            dmc.PopoverTarget(html.Button("Definitions", type="button", className="clams-small-button")),
            dmc.PopoverDropdown(html.Div(fields, className="clams-definitions")),
        ],
        width=480,
        position="bottom-start",
        withArrow=True,
        keepMounted=True,
        withinPortal=False,
    )
    return popover
