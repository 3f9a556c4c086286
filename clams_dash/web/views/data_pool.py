"""The page ``/pool``: imports, faults by import, table and check with their source rows, completeness by centre.

Flow: a chosen line of the counts --(browser)--> the grid of faults drops its rows and asks again --> rows
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_ag_grid as dag
from dash import ClientsideFunction, Dash, Input, Output, State, html
from dash.development.base_component import Component

from clams_dash.clinical.words import plural
from clams_dash.pool.quality import ANY_ROW, Batch, Completeness, Finding, FindingCount, FindingFilter
from clams_dash.web.elements import asked_rows, named
from clams_dash.web.ids import DataPool
from clams_dash.web.services import Quality, Services

PAGE_ROWS = 100
MOST_CENTRES = 12
_NOTHING = Quality((), (), ())
_SEVERITY = {"error": "set aside", "warning": "warning"}
_ALL_CENTRES = "all"
_CHECKS = {
    "unreadable": "value cannot be read", "missing": "needed value missing", "choices": "not a known value",
    "pattern": "not a usable id", "control": "control characters", "low": "too low", "high": "too high",
    "future": "in the future", "duplicate": "second row with its key", "implausible": "not plausible",
    "lab_unit": "other unit", "image": "image not usable", "reader": "noted when read", "erased": "erased person",
    "unknown_patient": "patient not known", "unknown_study": "study not known", "other_person": "other person's study",
}  # fmt: skip


def layout(quality: Quality = _NOTHING) -> Component:
    """Return the page; faults are fetched by their grid."""
    return html.Div(
        [
            html.Header(
                [
                    html.A("CLAMS", href="/", className="clams-brand"),
                    html.H1("Data pool"),
                    html.Span(summary(quality), className="clams-muted", role="status"),
                    html.A("All cases", href="/", className="clams-button clams-right"),
                ],
                className="clams-header",
            ),
            html.Main(
                [
                    _panel("Imports", "the latest first", _grid(DataPool.BATCHES, _batch_columns(), _batches(quality))),
                    _panel(
                        "Set aside and warned of",
                        html.Span("choose a line on the left to see only its rows", id=DataPool.SHOWN),
                        _fault_grid(),
                    ),
                    _panel(
                        "By import, table and check",
                        plural(len(quality.counts), "kind"),
                        _grid(DataPool.COUNTS, _count_columns(), _counts(quality), choose=True),
                    ),
                    _panel(
                        "Completeness",
                        "share of rows with a value, by field and centre",
                        _grid(DataPool.COMPLETENESS, *_completeness(quality.completeness)),
                    ),
                ],
                className="clams-pool",
            ),
        ],
        className="clams-list-page",
    )


def register(app: Dash, services: Services) -> None:
    """Connect the grid of faults to the pool."""

    @app.callback(
        Output(DataPool.FAULTS, "getRowsResponse"),
        Output(DataPool.SHOWN, "children"),
        Input(DataPool.FAULTS, "getRowsRequest"),
        State(DataPool.COUNTS, "selectedRows"),
        prevent_initial_call=True,
    )
    def rows(request: dict[str, Any] | None, chosen: list[dict[str, Any]] | None) -> tuple[dict[str, Any], str]:
        return fault_rows(services, request, chosen)

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("clams_list", "fetch_again"),
        Output(DataPool.FAULTS, "id"),
        Input(DataPool.COUNTS, "selectedRows"),
        State(DataPool.FAULTS, "id"),
        prevent_initial_call=True,
    )


def summary(quality: Quality) -> str:
    """The pool's quality in one line."""
    found = {name: sum(one.count for one in quality.counts if one.severity == name) for name in _SEVERITY}
    withdrawn = sum(batch.withdrawn_at is not None for batch in quality.batches)
    parts = [plural(len(quality.batches), "import") + (f" ({withdrawn} withdrawn)" if withdrawn else "")]
    parts.append(f"{plural(found['error'], 'row or value', 'rows or values')} set aside")
    parts.append(plural(found["warning"], "warning"))
    return " · ".join(parts)


def fault_rows(
    services: Services, request: dict[str, Any] | None, chosen: list[dict[str, Any]] | None
) -> tuple[dict[str, Any], str]:
    """Answer the grid's request for faults, and say which are shown."""
    first, rows = asked_rows(request, PAGE_ROWS)
    wanted = _wanted(chosen)
    page, found = services.findings(wanted, rows, first)
    said = f"{found} of the chosen line" if wanted != FindingFilter() else plural(found, "fault")
    return {"rowData": [_fault(one) for one in page], "rowCount": found}, said


def _wanted(chosen: object) -> FindingFilter:
    """The filter of a chosen line; everything when none, or none of ours, is chosen."""
    line = chosen[0] if isinstance(chosen, list) and chosen else None
    if not isinstance(line, dict):
        return FindingFilter()
    texts = {name: line.get(name) for name in ("batch_id", "table_name", "severity", "rule")}
    return FindingFilter(**{name: text[:100] for name, text in texts.items() if isinstance(text, str)})


def _fault(one: Finding) -> dict[str, str]:
    return {
        "severity": _SEVERITY.get(one.severity, one.severity),
        "table_name": one.table_name,
        "place": f"{one.source_file or 'unknown file'}, row {one.source_row if one.source_row is not None else '–'}",
        "column_name": one.column_name or "–",
        "value": one.value if one.value is not None else "–",
        "reason": one.reason.removesuffix("; row kept").removesuffix("; row set aside"),
        "patient_id": (one.patient_id or "") if one.in_pool else "",
        "batch_id": one.batch_id,
    }


def _batches(quality: Quality) -> list[dict[str, object]]:
    return [_batch(batch) for batch in quality.batches]


def _batch(batch: Batch) -> dict[str, object]:
    return {
        "started_at": batch.started_at.strftime("%Y-%m-%d %H:%M"),
        "source": batch.source,
        "format": batch.format,
        "centre": batch.centre or "–",
        "rows_kept": _known(batch.rows_kept),
        "rows_rejected": _known(batch.rows_rejected),
        "rows_superseded": _known(batch.rows_superseded),
        "state": "withdrawn" if batch.withdrawn_at else "in the pool",
        "ids": f"key {batch.key_id}" if batch.key_id else "as given",
        "batch_id": batch.batch_id,
    }


def _known(count: int | None) -> int | str:
    return "–" if count is None else count


def _counts(quality: Quality) -> list[dict[str, object]]:
    return [_count(one) for one in quality.counts]


def _count(one: FindingCount) -> dict[str, object]:
    return {
        "severity": one.severity,
        "kind": _SEVERITY.get(one.severity, one.severity),
        "table_name": one.table_name,
        "rule": one.rule,
        "check": _CHECKS.get(one.rule, one.rule.replace("_", " ").replace("edss", "EDSS")),
        "count": one.count,
        "batch_id": one.batch_id,
    }


def _completeness(found: Sequence[Completeness]) -> tuple[list[dict[str, Any]], list[dict[str, object]]]:
    """Columns and rows of the grid: fields down, centres across, the largest centres first."""
    sizes: dict[str, int] = {}
    for one in found:
        if one.column_name == ANY_ROW:
            sizes[one.centre] = max(sizes.get(one.centre, 0), one.rows)
    centres = sorted(sizes, key=lambda centre: (-sizes[centre], centre))[:MOST_CENTRES]
    rows: dict[tuple[str, str], dict[str, object]] = {}
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for one in found:
        key = (one.table_name, one.column_name)
        row = rows.setdefault(key, {"table_name": one.table_name, "field": _field_label(*key)})
        if one.centre in centres:
            row[f"centre{centres.index(one.centre)}"] = _share(one.rows, one.filled)
        all_rows, all_filled = totals.get(key, (0, 0))
        totals[key] = (all_rows + one.rows, all_filled + one.filled)
    for key, (all_rows, all_filled) in totals.items():
        rows[key][_ALL_CENTRES] = _share(all_rows, all_filled)
    columns = [_column("table_name", "Table", 100, pinned="left"), _column("field", "Field", 150, pinned="left")]
    columns.append(_column(_ALL_CENTRES, "All centres", 100, cellRenderer="ClamsShare"))
    columns += [
        _column(f"centre{number}", f"{centre} ({sizes[centre]})", 120, cellRenderer="ClamsShare")
        for number, centre in enumerate(centres)
    ]
    return columns, list(rows.values())


def _share(rows: int, filled: int) -> float | None:
    return round(filled / rows, 4) if rows else None


def _field_label(table: str, column: str) -> str:
    return f"people with any {table.replace('_', ' ')}" if column == ANY_ROW else column


def _panel(title: str, note: str | Component, content: Component) -> Component:
    head = html.Div([html.H2(title), html.Span(note, className="clams-muted")], className="clams-panel-head")
    return html.Section([head, named(html.Div(content, className="clams-graph"), title)], className="clams-panel")


def _grid(
    grid_id: DataPool, columns: list[dict[str, Any]], rows: Sequence[dict[str, object]], *, choose: bool = False
) -> Component:
    options: dict[str, Any] = {"rowHeight": 26, "headerHeight": 30, "enableBrowserTooltips": True}
    options["localeText"] = {"noRowsToShow": "Nothing here."}
    if choose:
        options["rowSelection"] = {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True}
    grid: Component = dag.AgGrid(
        id=grid_id,
        columnDefs=columns,
        rowData=list(rows),
        dashGridOptions=options,
        defaultColDef={"resizable": True, "sortable": True, "suppressMovable": True},
        className="ag-theme-balham clams-grid",
        style={"height": "100%"},
    )
    return grid


def _fault_grid() -> Component:
    grid: Component = dag.AgGrid(
        id=DataPool.FAULTS,
        columnDefs=_fault_columns(),
        rowModelType="infinite",
        dashGridOptions={
            "cacheBlockSize": PAGE_ROWS,
            "rowHeight": 38,
            "headerHeight": 30,
            "enableBrowserTooltips": True,
            "localeText": {"noRowsToShow": "Nothing was set aside or warned of."},
        },
        defaultColDef={"resizable": True, "sortable": False, "suppressMovable": True},
        className="ag-theme-balham clams-grid",
        style={"height": "100%"},
    )
    return grid


def _column(field: str, title: str, width: int, **more: object) -> dict[str, Any]:
    return {"field": field, "headerName": title, "width": width, **more}


def _batch_columns() -> list[dict[str, Any]]:
    return [
        _column("started_at", "Imported (UTC)", 158),
        _column("source", "Source", 130, tooltipField="source"),
        _column("centre", "Centre", 90),
        _column("rows_kept", "Kept", 80, type="numericColumn"),
        _column("rows_rejected", "Set aside", 90, type="numericColumn"),
        _column("rows_superseded", "Replaced", 90, type="numericColumn"),
        _column("state", "State", 100),
        _column("format", "Format", 100),
        _column("ids", "Ids", 110),
        _column("batch_id", "Batch", 145),
    ]


def _count_columns() -> list[dict[str, Any]]:
    return [
        _column("kind", "Kind", 95),
        _column("table_name", "Table", 90),
        _column("check", "Check", 180, tooltipField="check"),
        _column("count", "Count", 75, type="numericColumn"),
        _column("batch_id", "Batch", 145),
    ]


def _fault_columns() -> list[dict[str, Any]]:
    return [
        _column("severity", "Kind", 86),
        _column("table_name", "Table", 72),
        _column("place", "Source file and row", 195, wrapText=True, tooltipField="place"),
        _column("patient_id", "Case", 118, cellRenderer="ClamsCaseLink"),
        _column("value", "Value", 84, tooltipField="value"),
        _column("reason", "What is wrong", 200, wrapText=True, tooltipField="reason"),
        _column("batch_id", "Batch", 145),
    ]
