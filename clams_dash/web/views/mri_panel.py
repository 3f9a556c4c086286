"""The MRI panel of the consultation: which study and sequence, the viewer, and what is known of the lesions.

::

    study, sequence --> panel_parts: viewer, bar, list         (server, once)
    wheel, keys, list, card --> assets/mri                     (browser)
    "Mark as disputed" --> journal --> bar, list               (server)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from clams_dash.clinical.case_words import iso
from clams_dash.journal.lesion_marks import LesionKey
from clams_dash.model.records import Case, Scan
from clams_dash.web.elements import day_of, named
from clams_dash.web.ids import Consultation, Mri, mri_part
from clams_dash.web.mri.callbacks import NAMESPACE
from clams_dash.web.mri.panes import scene_component
from clams_dash.web.services import Services
from clams_dash.web.views import lesion_panel, lesion_targets
from clams_dash.web.views.lesion_targets import Shown
from clams_dash.web.views.study_scene import (
    SEQUENCE_ORDER,
    date_text,
    images_of,
    label,
    pairing_of,
    scene_of,
)

KEY = "current"
"""Name of the consultation's scene."""


@dataclass(frozen=True, slots=True)
class PanelParts:
    """What a choice of study and sequence changes on the page."""

    viewer: Component
    bar: list[Component]
    drawer: list[Component]


def layout(case: Case, study_id: str | None, disputed: frozenset[LesionKey]) -> Component:
    """Return the panel, opened on ``study_id``."""
    studies = [{"value": scan.study_id, "label": f"{date_text(scan)}{_field(scan)}"} for scan in reversed(case.scans)]
    sequences = _sequences(case)
    chosen = sequences[0]["value"] if sequences else None
    parts = panel_parts(case, study_id, chosen, disputed)
    attributes: dict[str, Any] = {"data-mri-for": KEY}
    section = html.Section(
        [
            html.Div(
                [
                    html.H2("MRI"),
                    dmc.Select(
                        id=Consultation.STUDY,
                        data=studies,
                        value=study_id,
                        size="xs",
                        allowDeselect=False,
                        placeholder="no study",
                        className="clams-study",
                        **{"aria-label": "MRI study"},
                    ),
                    dmc.SegmentedControl(
                        id=Consultation.SEQUENCE,
                        data=sequences,
                        value=chosen,
                        size="xs",
                        className="clams-sequence",
                        **{"aria-label": "Sequence"},
                    ),
                ],
                className="clams-panel-head",
            ),
            html.Div(parts.bar, id=Consultation.LESIONS, className="clams-lesion-bar"),
            html.Div(
                [
                    html.Div(parts.viewer, id=Consultation.VIEWER, className="clams-viewer"),
                    html.Aside(
                        [html.Div(parts.drawer, id=Consultation.LESION_LIST), lesion_panel.card(KEY)],
                        className="clams-drawer",
                    ),
                ],
                className="clams-viewing",
            ),
            dcc.Store(id=Consultation.CHOSEN_LESION),
        ],
        className="clams-panel clams-mri-panel",
        **attributes,
    )
    return named(section, "MRI")


def skeleton() -> list[Component]:
    """The components that callbacks name, empty."""
    return [
        dmc.Select(id=Consultation.STUDY),
        dmc.SegmentedControl(id=Consultation.SEQUENCE, data=[]),
        html.Div(id=Consultation.LESIONS),
        html.Div(id=Consultation.LESION_LIST),
        html.Div(id=Consultation.VIEWER),
        dcc.Store(id=Consultation.CHOSEN_LESION),
        lesion_panel.card(KEY),
        dcc.Store(id=mri_part(Mri.CHOSEN, KEY)),
    ]


def register(app: Dash, services: Services) -> None:
    """Connect the choice of study and sequence to the viewer, and the dispute of a lesion to the journal."""

    @app.callback(
        Output(Consultation.VIEWER, "children"),
        Output(Consultation.LESIONS, "children"),
        Output(Consultation.LESION_LIST, "children"),
        Input(Consultation.STUDY, "value"),
        Input(Consultation.SEQUENCE, "value"),
        State(Consultation.PATIENT, "data"),
        State(Consultation.AT, "data"),
        prevent_initial_call=True,
    )
    def show(
        study_id: str | None, sequence: str | None, patient_id: str, at: str | None
    ) -> tuple[Component, list[Component], list[Component]]:
        parts = panel_parts(
            services.open_case(patient_id, day_of(at)), study_id, sequence, services.disputed(patient_id)
        )
        return parts.viewer, parts.bar, parts.drawer

    @app.callback(
        Output(Consultation.LESIONS, "children", allow_duplicate=True),
        Output(Consultation.LESION_LIST, "children", allow_duplicate=True),
        Input(Consultation.DISPUTE, "n_clicks"),
        State(Consultation.CHOSEN_LESION, "data"),
        State(Consultation.STUDY, "value"),
        State(Consultation.SEQUENCE, "value"),
        State(Consultation.PATIENT, "data"),
        State(Consultation.AT, "data"),
        prevent_initial_call=True,
    )
    def dispute(
        _clicks: int | None,
        chosen: str | None,
        study_id: str | None,
        sequence: str | None,
        patient_id: str,
        at: str | None,
    ) -> tuple[list[Component], list[Component]]:
        toggle_dispute(services, patient_id, study_id, chosen)
        parts = panel_parts(
            services.open_case(patient_id, day_of(at)), study_id, sequence, services.disputed(patient_id)
        )
        return parts.bar, parts.drawer

    connect: Callable[..., None] = app.clientside_callback
    connect(
        ClientsideFunction(NAMESPACE, "chosen"),
        Output(Consultation.CHOSEN_LESION, "data"),
        Input(mri_part(Mri.CHOSEN, KEY), "data"),
    )


def toggle_dispute(services: Services, patient_id: str, study_id: str | None, chosen: str | None) -> None:
    """Turn the dispute of a lesion on or off; nothing when none is chosen. Raises ClamsError for an unknown lesion."""
    case = services.open_case(patient_id)
    scan = next((one for one in case.scans if one.study_id == study_id), None)
    shown = lesion_targets.lesion_of(case, scan, chosen) if scan and isinstance(chosen, str) else None
    lesion = _journal_key(shown) if shown else None
    if lesion is not None:
        services.dispute(patient_id, lesion, disputed=lesion not in services.disputed(patient_id))


def first_study(case: Case) -> str | None:
    """The study to open on: the latest with images, else the latest."""
    with_images = [scan for scan in case.scans if images_of(scan)]
    chosen = with_images or list(case.scans)
    return chosen[-1].study_id if chosen else None


def panel_parts(
    case: Case, study_id: str | None, sequence: str | None, disputed: frozenset[LesionKey] = frozenset()
) -> PanelParts:
    """Viewer, bar and list of one study; words in their place where there is nothing to show."""
    scan = next((one for one in case.scans if one.study_id == study_id), None)
    if scan is None:
        return PanelParts(_words("No MRI study on record."), [], [])
    asked = sequence if isinstance(sequence, str) else None
    keys = disputed_keys(case, scan, disputed)
    pairing = pairing_of(case, scan, asked)
    if pairing is None:
        viewer = _words(f"No images of the study of {iso(scan.date)} in the pool.", scan.note)
        return PanelParts(viewer, lesion_panel.bar(case, scan, None, None, keys), [])
    scene = scene_of(case, pairing, asked)
    return PanelParts(
        scene_component(scene, KEY),
        lesion_panel.bar(case, scan, pairing, scene, keys),
        lesion_panel.drawer(case, scan, scene, keys, KEY),
    )


def disputed_keys(case: Case, scan: Scan, disputed: frozenset[LesionKey]) -> frozenset[str]:
    """Keys of the shown lesions whose component, of the mask that their study has now, is disputed."""
    return frozenset(one.key for one in lesion_targets.shown_lesions(case, scan) if _journal_key(one) in disputed)


def _journal_key(shown: Shown) -> LesionKey | None:
    mask = shown.scan.first_series("lesion_mask")
    return LesionKey(shown.scan.study_id, mask.series_id, shown.lesion.lesion_id) if mask else None


def _sequences(case: Case) -> list[dict[str, str]]:
    held = {series.sequence for scan in case.scans for series in images_of(scan)}
    return [{"value": name, "label": label(name)} for name in SEQUENCE_ORDER if name in held]


def _field(scan: Scan) -> str:
    return f" · {scan.field_t:g} T" if scan.field_t else ""


def _words(text: str, note: str | None = None) -> Component:
    return html.Div([html.P(text), html.P(note or "", className="clams-muted")], className="clams-no-images")
