"""``clams summary``: the document of the contract, the case as known on a day, refusals in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from clams_dash.cli import app
from clams_dash.errors import ClamsError, UnknownPatient
from clams_dash.pool.folder import PoolFolder
from tests.conftest import ImportTables
from tests.pools import scanned_patient


def run(pool: PoolFolder, *words: str) -> Result:
    return CliRunner().invoke(app, ["summary", *words, "--pool", str(pool.path)])


def document(pool: PoolFolder, *words: str) -> dict[str, Any]:
    done = run(pool, *words, "--json")
    assert done.exit_code == 0, done.output
    read: dict[str, Any] = json.loads(done.stdout)
    return read


@pytest.fixture
def anna(pool: PoolFolder, import_tables: ImportTables) -> PoolFolder:
    """Three visits, a relapse before the last; ben has no dated record."""
    import_tables(
        patient=[{"patient_id": "anna", "synthetic": True}, {"patient_id": "ben"}],
        visit=[{"patient_id": "anna", "date": f"202{year}-03-01", "edss": 2.0} for year in (3, 4, 5)],
        relapse=[{"patient_id": "anna", "date": "2024-12-24", "severity": "mild"}],
    )
    return pool


def test_the_document_is_that_of_the_contract(demo_pool: PoolFolder) -> None:
    found = document(demo_pool, scanned_patient(demo_pool))
    assert {"patient", "as_of", "since_last_visit", "activity", "events", "lesions", "labs", "safety"} <= set(found)
    assert set(found["activity"]) == {"relapse", "edss", "t2", "gd", "brain_volume", "safety"}
    for item in found["since_last_visit"]:
        assert set(item) == {"kind", "text", "severity", "source"}


def test_items_name_their_row(anna: PoolFolder) -> None:
    (item,) = document(anna, "anna")["since_last_visit"]
    assert (item["kind"], item["severity"]) == ("relapse", "alert")
    assert item["source"].startswith("relapse.csv, row 2 (b-")


def test_an_earlier_day_knows_nothing_later(anna: PoolFolder) -> None:
    found = document(anna, "anna", "--at", "2024-06-01")
    assert found["as_of"] == "2024-06-01"
    assert [item["kind"] for item in found["since_last_visit"]] == ["nothing_new"]
    assert {event["date"] for event in found["events"]} == {"2023-03-01", "2024-03-01"}


def test_a_chosen_date_to_compare_with(anna: PoolFolder) -> None:
    kinds = [item["kind"] for item in document(anna, "anna", "--since", "2024-12-24")["since_last_visit"]]
    assert kinds == ["nothing_new"]


def test_the_text_says_what_is_known_for_whom_and_that_it_is_no_device(anna: PoolFolder) -> None:
    said = run(anna, "anna").stdout
    assert "SYNTHETIC" in said
    assert "As known on 2025-03-01." in said
    assert "[alert] Mild relapse on 2024-12-24" in said
    assert "safety        not assessable  treatment not recorded" in said
    assert "not a medical device" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--at", "yesterday"], "yesterday"),
        (["--at", "2024-01-01", "--since", "2025-01-01"], "lies after the day"),
        (["--convention", "threshold"], "KEY=VALUE"),
        (["--convention", "threshold=Z"], "'Z' is not known"),
    ],
)
def test_a_wrong_option_is_wrong_usage_and_named(anna: PoolFolder, options: list[str], said: str) -> None:
    done = run(anna, "anna", *options)
    assert (done.exit_code, said in done.output) == (2, True), done.output


def test_nobody_and_nothing_dated_are_refused_in_words(anna: PoolFolder) -> None:
    assert isinstance(run(anna, "carl").exception, UnknownPatient)
    undated = run(anna, "ben").exception
    assert isinstance(undated, ClamsError)
    assert "give the day to look at with --at" in str(undated)
    assert "Nothing to compare: no visit recorded" in run(anna, "ben", "--at", "2026-01-01").stdout


def test_counts_have_their_noun_in_the_right_number(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(
        patient=[{"patient_id": "anna"}],
        lab=[{"patient_id": "anna", "date": "2025-01-01", "analyte": "alt", "value": 20, "unit": "U/L"}],
        treatment=[{"patient_id": "anna", "dmt": "glatiramer_acetate", "start_date": "2020-01-01"}],
    )
    said = run(pool, "anna").stdout
    assert "Laboratory, newest result of 1 analyte\n" in said
    assert "Safety monitoring: 1 rule looked at, 0 to note" in said
