"""The page of imports and data quality: faults lead to file and row, what is missing is not hidden."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from plotly.utils import PlotlyJSONEncoder

from clams_dash.config import Settings
from clams_dash.ingest.run import import_source
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.removal import withdraw
from clams_dash.web.pool_services import PoolServices
from clams_dash.web.views import data_pool, shell
from tests.conftest import ImportTables
from tests.pools import silent
from tests.web.conftest import HOST, SmallApp


@pytest.fixture
def services(tmp_path: Path) -> Iterator[PoolServices]:
    """Two people of two centres; one import with faults, one withdrawn."""
    folder = PoolFolder(tmp_path / "pool")
    sources: list[dict[str, list[dict[str, object]]]] = [
        {"patient": [{"patient_id": "anna", "sex": "female", "centre": "North"},
                     {"patient_id": "ben", "sex": "<script>alert(1)</script>", "centre": "South"},
                     {"patient_id": "carl", "centre": "South"}],
         "visit": [{"patient_id": "anna", "date": "2020-01-01", "edss": 2.0},
                   {"patient_id": "anna", "date": "2021-01-01", "edss": 7.0},
                   {"patient_id": "anna", "date": "2022-01-01", "edss": 11}]},
        {"visit": [{"patient_id": "carl", "date": "2020-01-01", "edss": 0.5},
                   {"patient_id": "carl", "date": "2021-01-01", "edss": 1.0}]},
    ]  # fmt: skip
    for number, tables in enumerate(sources):
        source = tmp_path / f"source{number}"
        source.mkdir()
        for name, rows in tables.items():
            pd.DataFrame(rows).to_csv(source / f"{name}.csv", index=False)
        report = import_source(folder, source, format_name=None, centre=None, dry_run=False, progress=silent)
    withdraw(folder, report.batch_id)
    made = PoolServices(Settings(pool_dir=folder.path))
    yield made
    made.close()


def _rows(services: PoolServices, chosen: object = None) -> list[dict[str, str]]:
    response, _ = data_pool.fault_rows(services, {"startRow": 0, "endRow": 100}, chosen)  # type: ignore[arg-type]
    rows: list[dict[str, str]] = response["rowData"]
    return rows


def test_a_fault_leads_to_file_row_value_and_case(services: PoolServices) -> None:
    assert [(row["severity"], row["place"], row["value"], row["patient_id"]) for row in _rows(services)] == [
        ("set aside", "patient.csv, row 3", "<script>alert(1)</script>", ""),
        ("set aside", "visit.csv, row 4", "11.0", "anna"),
        ("warning", "visit.csv, row 3", "7.0", "anna"),
    ]


def test_a_chosen_line_shows_only_its_rows(services: PoolServices) -> None:
    lines = [data_pool._count(one) for one in services.data_quality().counts]
    (jump,) = (line for line in lines if line["check"] == "EDSS jump")
    assert [row["place"] for row in _rows(services, [jump])] == ["visit.csv, row 3"]
    assert data_pool.fault_rows(services, None, [jump])[1] == "1 of the chosen line"


@pytest.mark.parametrize("chosen", [[], "x", [1], [{"batch_id": ["x"]}], {"batch_id": "x"}])
def test_a_hostile_choice_shows_everything(services: PoolServices, chosen: object) -> None:
    assert len(_rows(services, chosen)) == 3


def test_the_page_sums_up_and_counts_nothing_of_a_withdrawn_import(services: PoolServices) -> None:
    quality = services.data_quality()
    assert data_pool.summary(quality) == "2 imports (1 withdrawn) · 2 rows or values set aside · 1 warning"
    assert [batch["state"] for batch in data_pool._batches(quality)] == ["withdrawn", "in the pool"]


def test_completeness_has_a_column_for_every_centre(services: PoolServices) -> None:
    columns, rows = data_pool._completeness(services.data_quality().completeness)
    assert [column["headerName"] for column in columns] == ["Table", "Field", "All centres", "North (1)", "South (1)"]
    fields = {(row["table_name"], row["field"]): row for row in rows}
    assert fields["patient", "sex"] == {
        "table_name": "patient", "field": "sex", "all": 0.5, "centre0": 1.0, "centre1": 0.0,
    }  # fmt: skip
    assert fields["visit", "people with any visit"]["centre1"] == 0.0
    assert "centre1" not in fields["visit", "edss"]


def test_the_address_answers_and_is_linked_from_the_list(small_app: SmallApp) -> None:
    assert small_app.client().get("/pool", headers=HOST).status_code == 200
    page = json.dumps(shell.page(small_app.services, "/pool", ""), cls=PlotlyJSONEncoder)
    assert "Completeness" in page
    assert '"/pool"' in json.dumps(shell.page(small_app.services, "/", ""), cls=PlotlyJSONEncoder)


def test_a_mixed_pool_says_so_on_every_page_and_a_pure_one_does_not(
    small_app: SmallApp, pool: PoolFolder, import_tables: ImportTables
) -> None:
    assert shell.kinds_banner(small_app.services) == []
    import_tables(patient=[{"patient_id": "anna", "synthetic": True}, {"patient_id": "ben", "synthetic": False}])
    mixed = PoolServices(Settings(pool_dir=pool.path))
    (banner,) = shell.kinds_banner(mixed)
    mixed.close()
    assert "This pool mixes 1 synthetic patient with 1 who is not" in json.dumps(banner, cls=PlotlyJSONEncoder)
