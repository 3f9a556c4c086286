"""What is known of a study's lesions: may the pair be compared, how many changed, the list, and one lesion's card.

Whether the two scans can be compared stands before any count. Colour always comes with a word.
"""

from __future__ import annotations

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from clams_dash.clinical.words import plural
from clams_dash.model.records import Lesion, Scan
from clams_dash.web.figures.lesion_history import empty_history
from clams_dash.web.ids import Consultation, Mri, mri_part
from clams_dash.web.mri.scene import Scene
from clams_dash.web.views import lesion_targets
from clams_dash.web.views.study_scene import Pairing, date_text

_CHANGES = ("new", "enlarging", "stable", "shrinking", "resolved")
_CONVENTION = "26-connectivity, components of at least 14 mm³ counted; the volume is that of the whole mask"
GRAPH_CONFIG: Any = {"displayModeBar": False, "responsive": True}


def bar(pairing: Pairing | None, scan: Scan, scene: Scene | None, disputed: frozenset[int]) -> list[Component]:
    """The line above the scans: comparability, then counts, then the way through the lesions."""
    parts: list[Component] = [_badge(pairing)] if pairing else []
    parts.append(html.Span(_counts(scan, disputed), className="clams-lesions"))
    if scene is not None and scene.targets:
        parts.append(_tour(scene))
    return parts


def _badge(pairing: Pairing) -> Component:
    """May the two scans be compared, and why (not)."""
    state, words, reasons = comparability(pairing)
    shape = {"yes": "✓", "caution": "◐", "no": "✕", "single": "○"}[state]
    text = f"{words}: {reasons[0]}" if reasons else words
    return html.Span(
        [html.Span(shape, className="clams-shape", **{"aria-hidden": "true"}), text],  # type: ignore[arg-type]
        className=f"clams-comparable is-{state}",
        title="\n".join([words, *reasons]),
        role="note",
    )


def comparability(pairing: Pairing) -> tuple[str, str, tuple[str, ...]]:
    """State (yes, caution, no, single), what to call it, and the reasons."""
    before = pairing.prior_scan
    if before is None:
        return "single", "nothing to compare with", ("no earlier study with images",)
    registration = pairing.scan.registration
    if registration is not None and not registration.comparable:
        return "no", "not comparable", (registration.reason,)
    if pairing.prior is None:
        return "no", "not comparable", (f"the study of {date_text(before)} has no such sequence",)
    if not pairing.linked:
        return "no", "not comparable", ("the two scans are not registered to each other",)
    return "caution", "not compared", ("the pair has not been judged",)


def _counts(scan: Scan, disputed: frozenset[int]) -> list[Component | str]:
    """Counts by change, or of all lesions; what is disputed is said with the count it belongs to."""
    if scan.t2_count is None or scan.t2_volume_ml is None:
        return _without_count(scan)
    total = html.Span(
        [
            html.I(className="clams-swatch is-lesion"),
            f"{plural(scan.t2_count, 'T2 lesion')} · {scan.t2_volume_ml:.1f} ml",
            _of_which([lesion for lesion in scan.lesions if not lesion.below_floor], disputed),
        ],
        title=f"{_CONVENTION} · mask: {scan.mask_source or 'origin not recorded'}",
    )
    if not lesion_targets.compared(scan):
        return [total]
    parts: list[Component | str] = []
    for change in _CHANGES:
        found = [lesion for lesion in scan.lesions if lesion.change == change and not lesion.below_floor]
        if found or change in ("new", "enlarging"):
            swatch = html.I(className=f"clams-swatch is-{change}")
            parts.append(html.Span([swatch, f"{len(found)} {change}", _of_which(found, disputed)]))
    return [*parts, total]


def _of_which(lesions: list[Lesion], disputed: frozenset[int]) -> str:
    number = sum(lesion.lesion_id in disputed for lesion in lesions)
    return f", of which {number} disputed" if number else ""


def _without_count(scan: Scan) -> list[Component | str]:
    if any(series.sequence == "change_mask" for series in scan.series):
        return [
            html.Span(
                [html.I(className="clams-swatch is-change"), "lesion change since the prior study"],
                title=f"mask: {scan.mask_source or 'origin not recorded'}; a change mask is not a lesion count",
            )
        ]
    return [html.Span("T2 lesions not measured: this study has no lesion mask")]


def _tour(scene: Scene) -> Component:
    what = "change" if scene.opens_on else "lesion"
    text = f"{'1' if scene.opens_on else '–'} of {len(scene.tour)}" if scene.tour else "no change"
    return html.Span(
        [
            _deed("◂", "previous", f"previous {what} (shift N)"),
            html.Span(text, className="clams-mri-tour"),
            _deed("▸", "next", f"next {what} (N)"),
            _deed("List", "list", "list of lesions and card"),
        ],
        className="clams-tour",
    )


def drawer(scan: Scan, scene: Scene | None, disputed: frozenset[int], key: str = "current") -> list[Component]:
    """The list of lesions and the card of the chosen one."""
    if scene is None or not scene.targets:
        return [html.P("No lesions on record for this study.", className="clams-muted")]
    by_key = {lesion_targets.key_of(lesion): lesion for lesion in scan.lesions}
    order = [*scene.tour, *(target.key for target in scene.targets if target.key not in scene.tour)]
    small = sum(lesion.below_floor for lesion in scan.lesions)
    note = f" · {small} below 14 mm³" if small else ""
    return [
        html.Div(
            [
                html.Strong(plural(len(order), "lesion")),
                html.Span(f"{note} · mask: {scan.mask_source or 'not recorded'}"),
            ],
            className="clams-drawer-head",
        ),
        html.Div(
            [_row(by_key[name], lesion_targets.title_of(by_key[name]), disputed) for name in order],
            className="clams-lesion-list",
            role="list",
        ),
        dcc.Store(id=mri_part(Mri.DISPUTED, key), data=sorted(map(str, disputed))),
    ]


def card(key: str = "current") -> Component:
    """The card of the chosen lesion; the browser fills it."""
    return html.Div(
        [
            html.Div(id=mri_part(Mri.CARD, key), className="clams-card"),
            dcc.Graph(
                id=mri_part(Mri.HISTORY, key),
                figure=empty_history(),
                config=GRAPH_CONFIG,
                className="clams-lesion-history",
                responsive=True,
            ),
            html.Button(
                "Mark as disputed",
                id=Consultation.DISPUTE,
                type="button",
                className="clams-mri-deed",
                title="kept in the journal, never in the pool; counts then say how many are disputed",
            ),
        ],
        className="clams-lesion-card",
    )


def _row(lesion: Lesion, title: str, disputed: frozenset[int]) -> Component:
    marked = " · disputed" if lesion.lesion_id in disputed else ""
    attributes: dict[str, Any] = {
        "data-mri-does": "lesion",
        "data-mri-with": lesion_targets.key_of(lesion),
        "aria-pressed": "false",
    }
    return html.Button(
        [html.I(className=f"clams-swatch is-{lesion.change or 'lesion'}"), f"{title}{marked}"],
        type="button",
        className="clams-lesion-row" + (" is-small" if lesion.below_floor else ""),
        **attributes,
    )


def _deed(label: str, does: str, title: str) -> Component:
    attributes: dict[str, Any] = {"data-mri-does": does, "aria-label": title}
    return html.Button(label, type="button", title=title, className="clams-mri-deed", **attributes)
