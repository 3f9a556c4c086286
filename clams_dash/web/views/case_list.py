"""The list of cases: search, sort, open. Rows come from the pool page by page."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, html
from dash.development.base_component import Component

from clams_dash.clinical.case_words import dmt_label, iso, years_between
from clams_dash.clinical.words import plural
from clams_dash.model import catalogues
from clams_dash.pool.cases import CaseRow, PoolCounts, SortKey
from clams_dash.web.elements import asked_rows
from clams_dash.web.ids import CaseList
from clams_dash.web.services import Services

PAGE_ROWS = 100
_NO_COUNTS = PoolCounts(0, 0, 0, 0)


def layout(counts: PoolCounts = _NO_COUNTS) -> Component:
    """Return the page; its rows are fetched by the grid."""
    return html.Div(
        [
            html.Header(
                [
                    html.A("CLAMS", href="/", className="clams-brand"),
                    html.H1("Cases"),
                    html.Span(counts_text(counts), id=CaseList.COUNT, className="clams-muted", role="status"),
                    dmc.TextInput(
                        id=CaseList.SEARCH,
                        placeholder="Search pseudonym, course, therapy, centre",
                        debounce=250,
                        size="xs",
                        className="clams-search",
                        **{"aria-label": "Search cases"},
                    ),
                    html.A("Data pool", href="/pool", className="clams-button"),
                ],
                className="clams-header",
            ),
            html.Main(
                dag.AgGrid(
                    id=CaseList.GRID,
                    columnDefs=_columns(),
                    rowModelType="infinite",
                    dashGridOptions={
                        "cacheBlockSize": PAGE_ROWS,
                        "rowHeight": 30,
                        "headerHeight": 34,
                        "suppressCellFocus": False,
                        "localeText": {"noRowsToShow": "No case matches this search."},
                    },
                    defaultColDef={"resizable": True, "sortable": True, "suppressMovable": True},
                    columnSize="responsiveSizeToFit",
                    className="ag-theme-balham clams-grid",
                    style={"height": "100%"},
                ),
                className="clams-panel clams-list",
            ),
        ],
        className="clams-list-page",
    )


def register(app: Dash, services: Services) -> None:
    """Connect grid and search to the pool.

    Flow: search --(browser)--> the grid drops its rows and asks again --> rows
    """

    @app.callback(
        Output(CaseList.GRID, "getRowsResponse"),
        Output(CaseList.COUNT, "children"),
        Input(CaseList.GRID, "getRowsRequest"),
        State(CaseList.SEARCH, "value"),
        prevent_initial_call=True,
    )
    def rows(request: dict[str, Any] | None, search: str | None) -> tuple[dict[str, Any], str]:
        return list_rows(services, request, search)

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("clams_list", "fetch_again"),
        Output(CaseList.GRID, "id"),
        Input(CaseList.SEARCH, "value"),
        State(CaseList.GRID, "id"),
        prevent_initial_call=True,
    )


def list_rows(services: Services, request: dict[str, Any] | None, search: str | None) -> tuple[dict[str, Any], str]:
    """Answer the grid's request for rows, and say how many cases match."""
    asked = request if isinstance(request, dict) else {}
    first, rows = asked_rows(request, PAGE_ROWS)
    sort, descending = _sorting(asked.get("sortModel"))
    text = search if isinstance(search, str) else ""
    page, found = services.case_page(text, sort, descending, rows, first)
    said = counts_text(services.counts()) if not text else f"{plural(found, 'case')} found"
    return {"rowData": [row_data(row) for row in page], "rowCount": found}, said


def counts_text(counts: PoolCounts) -> str:
    """How many cases there are and how many have images."""
    return f"{plural(counts.patients, 'case')} · {counts.with_images} with MRI images"


def row_data(row: CaseRow) -> dict[str, str]:
    """One line of the list as texts; what is not known says so."""
    day = row.last_date
    return {
        "patient_id": row.patient_id,
        "kind": "synthetic" if row.synthetic else "not synthetic",
        "sex": {"female": "F", "male": "M"}.get(row.sex or "", "–"),
        "age": str(years_between(row.birth_date, day)) if row.birth_date and day else "–",
        "course": row.course if row.course in catalogues.labels("courses") and row.course != "unknown" else "not known",
        "dmt": _therapy(row),
        "last_edss": f"{row.last_edss:.1f}" if row.last_edss is not None else "–",
        "relapses_24m": str(row.relapses_24m) if row.has_relapse_record else "none recorded",
        "last_new_t2": str(row.last_new_t2) if row.last_new_t2 is not None else "–",
        "last_mri_date": iso(row.last_mri_date) if row.last_mri_date else "no MRI",
        "studies_with_images": str(row.studies_with_images) if row.studies_with_images else "none",
        "centre": row.centre or "–",
        "last_date": iso(day) if day else "–",
    }


def _therapy(row: CaseRow) -> str:
    if row.dmt:
        return dmt_label(row.dmt)
    return "none at present" if row.has_treatment_record else "none recorded"


def _columns() -> list[dict[str, Any]]:
    def column(field: str, title: str, width: int, **more: object) -> dict[str, Any]:
        return {"field": field, "headerName": title, "width": width, **more}

    return [
        column("patient_id", "Case", 125, cellRenderer="ClamsCaseLink", pinned="left"),
        column("kind", "Data", 110, sortable=False),
        column("sex", "Sex", 65),
        column("age", "Age", 65),
        column("course", "Course", 95),
        column("dmt", "Therapy now", 170),
        column("last_edss", "EDSS", 75),
        column("relapses_24m", "Relapses 24 mo", 130),
        column("last_new_t2", "New T2", 85),
        column("last_mri_date", "Last MRI", 105),
        column("studies_with_images", "Image sets", 100),
        column("centre", "Centre", 180),
        column("last_date", "Data to", 105),
    ]


def _sorting(model: object) -> tuple[SortKey, bool]:
    if isinstance(model, list) and model and isinstance(model[0], dict):
        wanted = model[0].get("colId")
        if wanted in {key.value for key in SortKey}:
            return SortKey(wanted), model[0].get("sort") == "desc"
    return SortKey.IMAGES, True
