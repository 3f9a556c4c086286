"""What is known of a study's lesions: may the pair be compared, how many changed, the list, and one lesion's card.

Whether the two scans can be compared stands before any count. Colour always comes with a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from clams_dash.clinical.words import plural, span
from clams_dash.model.records import Case, Counted, Scan
from clams_dash.web.figures.lesion_history import empty_history
from clams_dash.web.ids import Consultation, Mri, mri_part
from clams_dash.web.mri.scene import Scene
from clams_dash.web.views import lesion_targets
from clams_dash.web.views.lesion_targets import Shown
from clams_dash.web.views.study_scene import Pairing, date_text

_CONVENTION = "26-connectivity, components of at least 14 mm³ counted; the volume is that of the whole mask"
GRAPH_CONFIG: Any = {"displayModeBar": False, "responsive": True}


def bar(
    case: Case, scan: Scan, pairing: Pairing | None, scene: Scene | None, disputed: frozenset[str]
) -> list[Component]:
    """The line above the scans: comparability, then counts, then the way through the lesions."""
    parts: list[Component] = [_badge(pairing)] if pairing else []
    parts.append(html.Span(_counts(case, scan, disputed), className="clams-lesions"))
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
    scan, before = pairing.scan, pairing.prior_scan
    if before is None:
        return "single", "nothing to compare with", ("no earlier study with images",)
    apart = span(before.date, scan.date)
    pair = scan.pair
    if pair is not None and pair.comparable is not None and pair.prior_study_id == before.study_id:
        if not pair.comparable:
            return "no", "not comparable", pair.reasons
        if pair.reasons:
            return "caution", f"comparable with caution, {apart} apart", pair.reasons
        return "yes", f"comparable, {apart} apart", ("same kind of scan, registered",)
    registration = scan.registration
    if registration is not None and not registration.comparable:
        return "no", "not comparable", (registration.reason,)
    if pairing.prior is None:
        return "no", "not comparable", (f"the study of {date_text(before)} has no such sequence",)
    if not pairing.linked:
        return "no", "not comparable", ("the two scans are not registered to each other",)
    return "caution", "lesions not compared", (f"in one space, {apart} apart; no masks of both to compare",)


def _counts(case: Case, scan: Scan, disputed: frozenset[str]) -> list[Component | str]:
    """Counts by change, or of all lesions; what is disputed is said with the count it belongs to."""
    if scan.t2_count is None or scan.t2_volume_ml is None:
        return _without_count(scan)
    shown = [one for one in lesion_targets.shown_lesions(case, scan) if one.counted]
    here = [one for one in shown if one.scan is scan]
    total = html.Span(
        [
            html.I(className="clams-swatch is-lesion"),
            f"{plural(scan.t2_count, 'T2 lesion')} · {scan.t2_volume_ml:.1f} ml",
            _of_which(here, disputed),
        ],
        title=f"{_CONVENTION} · mask: {scan.mask_source or 'origin not recorded'}",
    )
    if not lesion_targets.compared(scan):
        return [total]
    parts: list[Component | str] = []
    for change in lesion_targets.CHANGES:
        found = [one for one in shown if one.change == change]
        number, range_text, told = _number(scan, change, len(found))
        if number or change in ("new", "enlarging"):
            swatch = html.I(className=f"clams-swatch is-{change}")
            text = f"{number}{range_text} {change}"
            parts.append(html.Span([swatch, text, _of_which(found, disputed)], title=told))
    return [*parts, total]


def _number(scan: Scan, change: str, found: int) -> tuple[int, str, str]:
    """A count by change with its range and grade; lesions (which may be split into parts) rather than components."""
    value = getattr(scan.pair, change) if scan.pair is not None else None
    if isinstance(value, Counted):
        may_be = f" ({value.low}-{value.high})" if value.low != value.high else ""
        return value.value, may_be, f"reliability of this count: {value.grade}"
    return (value if isinstance(value, int) else found), "", _CONVENTION


def _of_which(lesions: Sequence[Shown], disputed: frozenset[str]) -> str:
    number = sum(one.key in disputed for one in lesions)
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


def drawer(
    case: Case, scan: Scan, scene: Scene | None, disputed: frozenset[str], key: str = "current"
) -> list[Component]:
    """The list of lesions; the card of the chosen one stands below it."""
    if scene is None or not scene.targets:
        return [html.P("No lesions on record for this study.", className="clams-muted")]
    held = {target.key for target in scene.targets}
    shown = [one for one in lesion_targets.shown_lesions(case, scan) if one.key in held]
    small = sum(not one.counted for one in shown)
    note = f", {small} of them below 14 mm³" if small else ""
    return [
        html.Div(
            [html.Strong(plural(len(shown), "lesion")), f"{note} · mask: {scan.mask_source or 'not recorded'}"],
            className="clams-drawer-head",
        ),
        html.Div([_row(one, one.key in disputed) for one in shown], className="clams-lesion-list"),
        dcc.Store(id=mri_part(Mri.DISPUTED, key), data=sorted(disputed)),
    ]


def card(key: str = "current") -> Component:
    """The card of the chosen lesion; the browser fills it."""
    return html.Div(
        [
            html.Div(id=mri_part(Mri.CARD, key), className="clams-card"),
            html.Div(
                dcc.Graph(id=mri_part(Mri.HISTORY, key), figure=empty_history(), config=GRAPH_CONFIG, responsive=True),
                className="clams-lesion-history",
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


def _row(shown: Shown, is_disputed: bool) -> Component:
    attributes: dict[str, Any] = {
        "data-mri-does": "lesion",
        "data-mri-with": shown.key,
        "aria-pressed": "false",
    }
    text = f"{lesion_targets.title_of(shown)}{' · disputed' if is_disputed else ''}"
    return html.Button(
        [html.I(className=f"clams-swatch is-{shown.change}"), text],
        type="button",
        title=text,
        className="clams-lesion-row" + ("" if shown.counted else " is-small"),
        **attributes,
    )


def _deed(label: str, does: str, title: str) -> Component:
    attributes: dict[str, Any] = {"data-mri-does": does, "aria-label": title}
    return html.Button(label, type="button", title=title, className="clams-mri-deed", **attributes)
