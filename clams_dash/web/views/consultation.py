"""The consultation: header, what changed, activity, course, MRI and perspectives of one case.

Flow of the page::

    click on a scan in the course --> chosen study --+
    sequence ----------------------------------------+--> mri_panel: viewer, lesions; cursor in the course
    choices of the course ------------------------------> course_panel: figure, line, strip
"""

from __future__ import annotations

from datetime import date
from typing import Any

from dash import Dash, Input, Output, dcc, html, no_update
from dash.development.base_component import Component

from clams_dash.clinical import case_words
from clams_dash.model.records import Case
from clams_dash.web.ids import Consultation
from clams_dash.web.routes import letter_url
from clams_dash.web.services import Services
from clams_dash.web.views import course_panel, mri_panel, perspectives_panel, state_panel


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
            dcc.Store(id=Consultation.AT, data=at.isoformat() if at else None),
            _header(case, day, at),
            state_panel.layout(services.summary(patient_id, at)),
            html.Main(
                [
                    course_panel.layout(services, case, study, at),
                    mri_panel.layout(case, study, services.disputed(patient_id)),
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
            dcc.Store(id=Consultation.AT),
            *course_panel.skeleton(),
            *mri_panel.skeleton(),
        ]
    )


def register(app: Dash, services: Services) -> None:
    """Connect course and viewer."""
    mri_panel.register(app, services)
    course_panel.register(app, services)

    @app.callback(
        Output(Consultation.STUDY, "value"),
        Input(Consultation.TIMELINE, "clickData"),
        prevent_initial_call=True,
    )
    def choose(click: dict[str, Any] | None) -> object:
        return clicked_study(click) or no_update


def clicked_study(click: dict[str, Any] | None) -> str | None:
    """The MRI study of a click in the course; None when the click was on something else."""
    points = click.get("points") if isinstance(click, dict) else None
    if not isinstance(points, list) or not points or not isinstance(points[0], dict):
        return None
    study = points[0].get("customdata")
    return study if isinstance(study, str) else None


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
