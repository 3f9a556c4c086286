"""The list of cases: rows page by page, search, sorting, and words for what is not known."""

from typing import Any

import pytest

from clams_dash.web.views.case_list import list_rows
from tests.web.conftest import SmallApp


def _rows(
    small_app: SmallApp, request: dict[str, Any] | None = None, search: str | None = None
) -> list[dict[str, str]]:
    response, _ = list_rows(small_app.services, request, search)
    rows: list[dict[str, str]] = response["rowData"]
    return rows


def test_cases_with_images_come_first(small_app: SmallApp) -> None:
    assert [row["patient_id"] for row in _rows(small_app)] == ["anna", "ben"]


def test_a_line_of_the_list(small_app: SmallApp) -> None:
    assert _rows(small_app)[0] == {
        "patient_id": "anna", "kind": "synthetic", "sex": "F", "age": "30", "course": "RRMS",
        "dmt": "Dimethyl fumarate", "last_edss": "3.5", "relapses_24m": "1", "last_new_t2": "2",
        "last_mri_date": "2021-01-12",
        "studies_with_images": "1", "centre": "North", "last_date": "2021-01-12",
    }  # fmt: skip


def test_what_is_not_known_is_not_shown_as_zero(small_app: SmallApp) -> None:
    ben = _rows(small_app)[1]
    assert (ben["relapses_24m"], ben["last_mri_date"], ben["dmt"]) == ("none recorded", "no MRI", "none recorded")
    assert (ben["last_edss"], ben["age"]) == ("–", "–")


@pytest.mark.parametrize(
    ("search", "found"), [("ANN", ["anna"]), ("Dimethyl fumarate", ["anna"]), ("north", ["anna"]), ("zz", [])]
)
def test_search_looks_at_pseudonym_therapy_and_centre(small_app: SmallApp, search: str, found: list[str]) -> None:
    assert [row["patient_id"] for row in _rows(small_app, None, search)] == found


def test_the_count_is_said(small_app: SmallApp) -> None:
    assert list_rows(small_app.services, None, None)[1] == "2 cases · 1 with MRI images"
    assert list_rows(small_app.services, None, "anna")[1] == "1 case found"


@pytest.mark.parametrize("sort", ["asc", "desc"])
@pytest.mark.parametrize("column", ["patient_id", "age", "last_edss", "dmt", "last_date", "relapses_24m", "centre"])
def test_unknown_values_come_last_either_way(small_app: SmallApp, column: str, sort: str) -> None:
    rows = _rows(small_app, {"sortModel": [{"colId": column, "sort": sort}]})
    expected = ["ben", "anna"] if (column, sort) == ("patient_id", "desc") else ["anna", "ben"]
    if column == "relapses_24m" and sort == "asc":
        expected = ["ben", "anna"]
    assert [row["patient_id"] for row in rows] == expected


@pytest.mark.parametrize(
    "request_",
    [{"startRow": -5, "endRow": "x"}, {"sortModel": [{"colId": "1; DROP TABLE patient"}]}, {"sortModel": "x"}, []],
)
def test_a_hostile_request_gets_the_first_page(small_app: SmallApp, request_) -> None:
    assert len(_rows(small_app, request_)) == 2


def test_pages_follow_each_other(small_app: SmallApp) -> None:
    assert [row["patient_id"] for row in _rows(small_app, {"startRow": 1, "endRow": 2})] == ["ben"]
