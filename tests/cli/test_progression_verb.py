"""``clams progression``: the events of the contract, the convention beside them, refusals in words."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from clams_dash.cli import app
from clams_dash.clinical.convention import Convention
from clams_dash.pool.folder import PoolFolder
from tests.conftest import ImportTables

START = date(2020, 1, 1)


def on(day: int) -> str:
    return (START + timedelta(days=day)).isoformat()


@pytest.fixture
def anna(pool: PoolFolder, import_tables: ImportTables) -> PoolFolder:
    """EDSS 2,2,3,3,3,3, none, 4 every 91 days; a relapse 31 days after the first onset."""
    edss = [2, 2, 3, 3, 3, 3, None, 4]
    visits: list[dict[str, object]] = [
        {"patient_id": "anna", "date": on(91 * visit), "edss": value} for visit, value in enumerate(edss)
    ]
    import_tables(
        patient=[{"patient_id": "anna"}, {"patient_id": "ben"}],
        visit=visits,
        relapse=[{"patient_id": "anna", "date": on(182 + 31)}],
    )
    return pool


def run(pool: PoolFolder, *words: str) -> Result:
    return CliRunner().invoke(app, ["progression", *words, "--pool", str(pool.path)])


def document(pool: PoolFolder, *words: str) -> dict[str, Any]:
    done = run(pool, *words, "--json")
    assert done.exit_code == 0, done.output
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def test_default_convention_is_24_weeks_roving_a_mueller_2023(anna: PoolFolder) -> None:
    convention = document(anna, "anna")["convention"]
    assert (convention["threshold"], convention["confirm_days"], convention["reference"]) == ("A", 168, "roving")
    assert (convention["pira"], convention["event"]) == ("mueller2023", "multiple")
    assert (convention["tolerance_days"], convention["relapse_days"]) == (0, 30)


def test_event_has_the_fields_of_the_contract_and_its_label_a_date_of_its_own(anna: PoolFolder) -> None:
    found = document(anna, "anna", "--convention", "confirm_days=84")
    (event,) = found["events"]
    assert event.items() >= {
        "kind": "CDW", "label": "PIRA", "reference_date": on(0), "reference_edss": 2.0,
        "onset_date": on(182), "onset_edss": 3.0, "confirmed_date": on(273), "label_confirmed_date": on(364),
    }.items()  # fmt: skip
    (waiting,) = found["unconfirmed"]
    assert (waiting["kind"], waiting["reference_edss"], waiting["onset_date"]) == ("CDW", 3.0, on(637))
    assert found["notes"] == ["1 of 8 visits have no EDSS and are left out"]


def test_a_named_definition_brings_its_own_reference_scheme_unless_told_otherwise(anna: PoolFolder) -> None:
    own = document(anna, "anna", "--convention", "pira=kappos2020")["convention"]
    assert (own["reference"], own["rebaseline"], own["keep_higher"]) == ("fixed", "at_change", True)
    chosen = document(anna, "anna", "--convention", "pira=kappos2020", "--convention", "reference=roving")["convention"]
    assert (chosen["reference"], chosen["rebaseline"]) == ("roving", "at_change")


def test_words_name_the_definition_and_what_is_not_confirmed_yet(anna: PoolFolder) -> None:
    said = run(anna, "anna", "--convention", "confirm_days=84").stdout
    assert "Müller 2023" in said
    assert f"PIRA since {on(364)}" in said
    assert "not confirmed yet" in said
    assert "no confirmed change" in run(anna, "ben").stdout


def test_performance_tests_edss_plus_and_spms_stand_beside_the_edss(anna: PoolFolder) -> None:
    found = document(anna, "anna")
    assert found["performance"] == []
    assert (found["edss_plus"]["worsened"], found["edss_plus"]["first"][0]) == (True, "edss")
    assert found["spms"]["state"] == "not_converted"
    said = run(anna, "ben").stdout
    assert "EDSS-plus: not known: too few results of edss, t25fw_s, hpt9_dominant_s, hpt9_nondominant_s" in said
    assert "SPMS (CORe): not assessable, 3 visits with an EDSS are needed; 0 known" in said


def test_a_person_without_edss_has_no_events_and_the_note_says_why(anna: PoolFolder) -> None:
    found = document(anna, "ben")
    assert (found["events"], found["unconfirmed"]) == ([], [])
    assert found["notes"] == ["no visit has an EDSS; a change cannot be judged"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("threshold=C", "threshold convention 'C' is not known"),
        ("pira=mine", "PIRA definition 'mine' is not known"),
        ("confirm=84", "convention 'confirm' is not known"),
        ("confirm_days=soon", "must be a whole number of days"),
        ("confirm_days=0", "confirm_days must be at least 1"),
        ("improvement_from=0.5", "improvement_from must be an EDSS score"),
        ("reference=moving", "reference must be one of fixed, roving"),
        ("confirm_days", "must be KEY=VALUE"),
    ],
)
def test_an_impossible_convention_is_wrong_usage_and_says_what_is_possible(
    anna: PoolFolder, option: str, said: str
) -> None:
    done = run(anna, "anna", "--convention", option)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


def test_options_as_words_and_back() -> None:
    chosen = Convention.parsed({"late_days": "any", "sustained_days": "end", "keep_higher": "yes"})
    assert (chosen.late_days, chosen.sustained_days, chosen.keep_higher) == (None, None, True)
    assert Convention.parsed({"late_days": "90"}).to_json()["late_days"] == 90
    assert chosen.to_json()["sustained_days"] == "end"
