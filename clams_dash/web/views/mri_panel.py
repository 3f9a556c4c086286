"""The MRI panel of the consultation: which study and sequence, the viewer, and what its mask holds."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from clams_dash.clinical.case_words import iso
from clams_dash.clinical.words import plural
from clams_dash.model import catalogues
from clams_dash.model.records import Case, Scan, Series
from clams_dash.web.elements import named
from clams_dash.web.ids import Consultation
from clams_dash.web.routes import volume_url
from clams_dash.web.services import Services
from clams_dash.web.vtk_scene import Scene, SceneImage, scene_component

SEQUENCE_ORDER = ("FLAIR", "T1W_GD", "T1W", "T2W", "PD", "SWI", "DWI")


def layout(case: Case, study_id: str | None) -> Component:
    """Return the panel, opened on ``study_id``."""
    studies = [
        {
            "value": scan.study_id,
            "label": f"{iso(scan.date)}{' (nominal)' if scan.date_approximate else ''}{_field(scan)}",
        }
        for scan in reversed(case.scans)
    ]
    sequences = _sequences(case)
    chosen = sequences[0]["value"] if sequences else None
    viewer, lesions = panel_parts(case, study_id, chosen)
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
                    html.Span(id=Consultation.LESIONS, children=lesions, className="clams-lesions"),
                ],
                className="clams-panel-head",
            ),
            html.Div(viewer, id=Consultation.VIEWER, className="clams-viewer"),
        ],
        className="clams-panel clams-mri-panel",
    )
    return named(section, "MRI")


def skeleton() -> list[Component]:
    """The components that callbacks name, empty."""
    return [
        dmc.Select(id=Consultation.STUDY),
        dmc.SegmentedControl(id=Consultation.SEQUENCE, data=[]),
        html.Span(id=Consultation.LESIONS),
        html.Div(id=Consultation.VIEWER),
    ]


def register(app: Dash, services: Services) -> None:
    """Connect the choice of study and sequence to the viewer."""

    @app.callback(
        Output(Consultation.VIEWER, "children"),
        Output(Consultation.LESIONS, "children"),
        Input(Consultation.STUDY, "value"),
        Input(Consultation.SEQUENCE, "value"),
        State(Consultation.PATIENT, "data"),
        prevent_initial_call=True,
    )
    def show(study_id: str | None, sequence: str | None, patient_id: str) -> tuple[Component, list[Component]]:
        return panel_parts(services.open_case(patient_id), study_id, sequence)


def first_study(case: Case) -> str | None:
    """The study to open on: the latest with images, else the latest."""
    with_images = [scan for scan in case.scans if _images(scan)]
    chosen = with_images or list(case.scans)
    return chosen[-1].study_id if chosen else None


def panel_parts(case: Case, study_id: str | None, sequence: str | None) -> tuple[Component, list[Component]]:
    """Viewer and lesion line of one study; words in their place where there is nothing to show."""
    scan = next((one for one in case.scans if one.study_id == study_id), None)
    if scan is None:
        return _words("No MRI study on record."), []
    images = {series.sequence: series for series in _images(scan)}
    if not images:
        return _words(f"No images of the study of {iso(scan.date)} in the pool.", scan.note), _lesion_line(scan)
    sequence = sequence if isinstance(sequence, str) else None
    image = images.get(sequence or "") or next(images[name] for name in SEQUENCE_ORDER if name in images)
    missing = "" if sequence in (None, image.sequence) else f" (no {_label(str(sequence))} in this study)"
    mask = scan.first_series("lesion_mask", "change_mask")
    overlay = mask if mask is not None and mask.drawable and _same_grid(mask, image) else None
    scene = Scene(
        image=SceneImage(
            url=volume_url(image.series_id),
            shape_ras=image.shape,
            spacing_mm=image.spacing_mm,
            origin_mm=image.origin_mm,
            window=image.window or (0.0, 255.0),
            brain_box_mm=image.box_mm,
        ),
        overlay_url=volume_url(overlay.series_id) if overlay else None,
        start_mm=overlay.focus_mm if overlay else None,
        caption=f"{_label(image.sequence)}{missing} · {_date_text(scan)}",
        overlay_text=_overlay_text(mask, image),
    )
    return scene_component(scene), _lesion_line(scan)


def _same_grid(mask: Series, image: Series) -> bool:
    """Whether a mask may be laid over an image; over another grid its lesions would vanish or move."""
    gap = [
        abs(a - b)
        for a, b in zip((*mask.spacing_mm, *mask.origin_mm), (*image.spacing_mm, *image.origin_mm), strict=True)
    ]
    return mask.shape == image.shape and max(gap) < 0.01


def _overlay_text(mask: Series | None, image: Series) -> str:
    if mask is None:
        return "no lesion mask"
    if not mask.drawable:
        return "mask is empty"
    if not _same_grid(mask, image):
        return "mask lies on another sequence's grid"
    return "Change" if mask.sequence == "change_mask" else "Lesions"


def _images(scan: Scan) -> list[Series]:
    return [series for series in scan.series if series.drawable and series.window is not None]


def _sequences(case: Case) -> list[dict[str, str]]:
    held = {series.sequence for scan in case.scans for series in _images(scan)}
    return [{"value": name, "label": _label(name)} for name in SEQUENCE_ORDER if name in held]


def _label(sequence: str) -> str:
    return {"T1W_GD": "T1 + Gd"}.get(sequence) or catalogues.labels("sequences").get(sequence, sequence)


def _date_text(scan: Scan) -> str:
    return f"{iso(scan.date)}{' (nominal)' if scan.date_approximate else ''}"


def _field(scan: Scan) -> str:
    return f" · {scan.field_t:g} T" if scan.field_t else ""


def _lesion_line(scan: Scan) -> list[Component]:
    parts: list[Component] = []
    if scan.t2_count is not None and scan.t2_volume_ml is not None:
        convention = "26-connectivity, components of at least 14 mm³ counted; the volume is that of the whole mask"
        parts.append(
            html.Span(
                [
                    html.I(className="clams-swatch is-lesion"),
                    f"{plural(scan.t2_count, 'T2 lesion')} · {scan.t2_volume_ml:.1f} ml",
                ],
                title=f"{convention} · mask: {scan.mask_source or 'origin not recorded'}",
            )
        )
    elif any(series.sequence == "change_mask" for series in scan.series):
        parts.append(
            html.Span(
                [html.I(className="clams-swatch is-change"), "lesion change since the prior study"],
                title=f"mask: {scan.mask_source or 'origin not recorded'}; a change mask is not a lesion count",
            )
        )
    else:
        parts.append(html.Span("T2 lesions not measured"))
    return parts


def _words(text: str, note: str | None = None) -> Component:
    return html.Div([html.P(text), html.P(note or "", className="clams-muted")], className="clams-no-images")
