"""The consultation: header, what changed, activity, course, MRI and perspectives of one case.

Flow of the page::

    click on a scan in the course --> chosen study --+
    sequence ----------------------------------------+--> mri_panel: viewer, lesions; cursor in the course
"""

from __future__ import annotations

from datetime import date
from typing import Any

from dash import Dash, Input, Output, Patch, State, dcc, html, no_update
from dash.development.base_component import Component

from clams_dash.clinical import case_words
from clams_dash.model.records import Case
from clams_dash.web.elements import named
from clams_dash.web.figures.timeline import CURSOR_SHAPE, timeline
from clams_dash.web.ids import Consultation
from clams_dash.web.routes import letter_url
from clams_dash.web.services import Services
from clams_dash.web.views import mri_panel, perspectives_panel, state_panel

GRAPH_CONFIG: Any = {"displayModeBar": False, "responsive": True, "doubleClick": False}


def layout(services: Services, patient_id: str, at: date | None) -> Component:
    """Return the page of one case, as known on ``at``."""
    case = services.open_case(patient_id, at)
    day = at or case.last_date()
    study = mri_panel.first_study(case)
    prediction = services.predict(patient_id, at)
    short = "" if perspectives_panel.has_estimates(prediction) else " is-short"
    return html.Div(
        [
            dcc.Store(id=Consultation.PATIENT, data=patient_id),
            _header(case, day, at),
            *_state(services, patient_id, at),
            html.Main(
                [
                    _course(case, study),
                    mri_panel.layout(case, study),
                    perspectives_panel.layout(prediction),
                ],
                className=f"clams-consultation{short}",
            ),
        ],
        className="clams-case-page",
    )


def skeleton() -> Component:
    """Every component of the page that a callback names, empty; lets Dash check the callbacks at the start."""
    return html.Div(
        [
            dcc.Store(id=Consultation.PATIENT),
            dcc.Graph(id=Consultation.TIMELINE),
            *mri_panel.skeleton(),
        ]
    )


def register(app: Dash, services: Services) -> None:
    """Connect course and viewer."""
    mri_panel.register(app, services)

    @app.callback(
        Output(Consultation.STUDY, "value"),
        Input(Consultation.TIMELINE, "clickData"),
        prevent_initial_call=True,
    )
    def choose(click: dict[str, Any] | None) -> object:
        return clicked_study(click) or no_update

    @app.callback(
        Output(Consultation.TIMELINE, "figure"),
        Input(Consultation.STUDY, "value"),
        State(Consultation.PATIENT, "data"),
        prevent_initial_call=True,
    )
    def move_cursor(study_id: str | None, patient_id: str) -> Patch:
        return cursor_patch(services.open_case(patient_id), study_id)


def clicked_study(click: dict[str, Any] | None) -> str | None:
    """The MRI study of a click in the course; None when the click was on something else."""
    points = click.get("points") if isinstance(click, dict) else None
    if not isinstance(points, list) or not points or not isinstance(points[0], dict):
        return None
    study = points[0].get("customdata")
    return study if isinstance(study, str) else None


def cursor_patch(case: Case, study_id: str | None) -> Patch:
    """Move the vertical line of the course to a study."""
    day = next((scan.date.isoformat() for scan in case.scans if scan.study_id == study_id), None)
    patch = Patch()
    cursor = patch["layout"]["shapes"][CURSOR_SHAPE]
    cursor["visible"] = day is not None
    cursor["x0"] = day
    cursor["x1"] = day
    return patch


def _state(services: Services, patient_id: str, at: date | None) -> list[Component]:
    """The line since the last visit and the strip; nothing where nothing is recorded."""
    summary = services.summary(patient_id, at)
    return [state_panel.layout(summary)] if summary else []


def _header(case: Case, day: date | None, at: date | None) -> Component:
    patient = case.patient
    edss, before = case_words.edss(case, day)
    facts = [case_words.person(patient, day), case_words.course(patient, day), case_words.present_therapy(case, day)]
    mark = "SYNTHETIC" if patient.synthetic else "NOT SYNTHETIC"
    return html.Header(
        [
            html.A("CLAMS", href="/", className="clams-brand", title="All cases"),
            html.Span(mark, className=f"clams-mark {'is-synthetic' if patient.synthetic else ''}"),
            html.H1(patient.patient_id),
            html.P(
                [
                    " · ".join(facts),
                    " · ",
                    html.Strong(edss),
                    html.Span(f" ({before})" if before else "", className="clams-muted"),
                ],
                className="clams-facts",
            ),
            html.Span(
                f"as known on {case_words.iso(at)}" if at else f"data to {case_words.iso(day)}",
                className="clams-muted clams-data-to",
            ),
            html.A(
                "Print",
                href=letter_url(patient.patient_id, at),
                target="_blank",
                className="clams-button",
                title="The case as a letter in PDF",
            ),
            dcc.Link("All cases", href="/", className="clams-button"),
        ],
        className="clams-header",
    )


def _course(case: Case, study: str | None) -> Component:
    section = html.Section(
        [
            html.Div(
                [
                    html.H2("Course"),
                    html.Span(
                        "one date axis · click a scan (black square) to open it · hover for number, date and source",
                        className="clams-muted",
                    ),
                ],
                className="clams-panel-head",
            ),
            dcc.Graph(
                id=Consultation.TIMELINE,
                figure=timeline(case, study),
                config=GRAPH_CONFIG,
                className="clams-graph",
                responsive=True,
            ),
        ],
        className="clams-panel clams-course",
    )
    return named(section, "Course of the disease")
