"""The command line: exit codes, one JSON document, and words instead of tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clams_dash.pool.folder import PoolFolder
from tests.conftest import ImportTables


def clams(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from clams_dash.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["import"],
        ["import", "x", "--format", "pigeon"],
        ["demo", "--patients", "none"],
        ["predict"],
        ["export"],
        ["export", "x", "--format", "fhir"],
        ["import", "x", "--shift-days", "3"],
    ],
)
def test_wrong_usage_exits_2(words: list[str]) -> None:
    assert clams(*words).returncode == 2


@pytest.mark.parametrize("verb", [[], ["serve"], ["demo"], ["import"], ["check"], ["withdraw"], ["erase"], ["train"],
                                  ["predict"], ["progression"], ["summary"], ["truth"], ["bench"], ["export"],
                                  ["key"]])  # fmt: skip
def test_every_verb_has_help(verb: list[str]) -> None:
    done = clams(*verb, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["import", "/nowhere"], "/nowhere: no such file or folder"),
        (["check"], "no pool here"),
        (["withdraw", "b-1"], "no pool here"),
        (["erase", "anna"], "no pool here"),
        (["predict", "anna"], "no pool here"),
        (["progression", "anna"], "no pool here"),
        (["train"], "no pool here"),
        (["truth", "--patients", "20"], "no pool here"),
        (["demo", "--family", "wild"], "no family 'wild'; known are smooth, threshold, interaction"),
        (["serve", "--host", "0.0.0.0"], "--host 0.0.0.0: this version has no log-in"),  # noqa: S104 - it is refused
    ],
)
def test_a_refusal_exits_1_in_words(tmp_path: Path, words: list[str], said: str) -> None:
    done = clams(*words, CLAMS_POOL=str(tmp_path / "pool"))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_pool_that_is_a_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "pool").write_text("not a folder")
    (tmp_path / "patient.csv").write_text("patient_id\nanna\n")
    done = clams("import", str(tmp_path / "patient.csv"), "--pool", str(tmp_path / "pool"))
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_json_is_one_document_on_standard_output_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "patient.csv").write_text("patient_id,sex\nanna,female\nben,robot\n")
    done = clams("import", str(tmp_path / "patient.csv"), "--pool", str(tmp_path / "pool"), "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert document["rows_kept"] == {"patient": 1}
    assert [(one["source_row"], one["column_name"], one["value"]) for one in document["rejects"]] == [
        (3, "sex", "robot")
    ]


def test_check_fails_where_something_was_set_aside_and_passes_where_not(
    pool: PoolFolder, import_tables: ImportTables
) -> None:
    import_tables(patient=[{"patient_id": "anna"}])
    assert clams("check", "--pool", str(pool.path)).returncode == 0
    visits: list[dict[str, object]] = [{"patient_id": "anna", "date": f"2020-01-0{day}", "edss": edss}
                                       for day, edss in ((1, 2.0), (2, 11))]  # fmt: skip
    import_tables(visit=visits)
    done = clams("check", "--pool", str(pool.path), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["rejects"][0]["column_name"] == "edss"


def test_a_model_is_never_trained_on_a_mixture_unasked(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(patient=[{"patient_id": "anna", "synthetic": True}, {"patient_id": "ben", "synthetic": False}])
    done = clams("train", "--pool", str(pool.path))
    assert done.returncode == 1
    assert "choose with --on synthetic or --on not-synthetic" in done.stderr


def test_an_import_is_taken_back_and_a_person_erased_in_words(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(patient=[{"patient_id": "anna"}, {"patient_id": "ben"}])
    visits: list[dict[str, object]] = [{"patient_id": "anna", "date": "2020-01-01", "edss": 2.0}]
    batch = import_tables(visit=visits).batch_id
    done = clams("withdraw", batch, "--pool", str(pool.path), "--json")
    assert (done.returncode, json.loads(done.stdout)["batch_id"]) == (0, batch)
    done = clams("erase", "anna", "--pool", str(pool.path))
    assert (done.returncode, done.stdout.split(";")[0]) == (0, "erased 1 patient")
    sizes = json.loads(clams("check", "--pool", str(pool.path), "--json").stdout)["tables"]
    assert (sizes["patient"], sizes["visit"]) == (1, 0)
    assert clams("erase", "anna", "--pool", str(pool.path)).returncode == 1


def test_the_truth_of_a_demo_pool_is_worked_out_beside_it_and_of_no_other(tmp_path: Path) -> None:
    pool = str(tmp_path / "pool")
    made = ["--patients", "300", "--seed", "4", "--family", "threshold", "--pool", pool]
    assert clams("demo", "--scans", "0", *made).returncode == 0
    other = clams("truth", "--patients", "300", "--seed", "5", "--family", "threshold", "--pool", pool)
    assert other.returncode == 1
    assert "are not those of this cohort" in other.stderr
    done = clams("truth", "--decisions", "2", "--workers", "1", "--json", *made)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["decisions"] == 2
    assert max(document["largest_standard_error"].values()) <= 0.005
    assert (tmp_path / "pool" / "truth.duckdb").is_file()


def test_the_pool_and_a_case_are_written_out_once(
    pool: PoolFolder, import_tables: ImportTables, tmp_path: Path
) -> None:
    import_tables(patient=[{"patient_id": "anna", "course": "RRMS"}])
    where = ("--pool", str(pool.path))
    done = clams("export", str(tmp_path / "out"), *where, "--json")
    assert (done.returncode, json.loads(done.stdout)["rows"]["patient"]) == (0, 1)
    assert clams("export", str(tmp_path / "out"), *where).returncode == 1
    case = ("export", "--format", "fhir", "--patient", "anna", "-o", str(tmp_path / "anna.json"), *where)
    assert clams(*case).returncode == 0
    assert json.loads((tmp_path / "anna.json").read_text())["resourceType"] == "Bundle"
    assert clams(*case).returncode == 1


def test_a_key_gives_pseudonyms(pool: PoolFolder, tmp_path: Path) -> None:
    (tmp_path / "patient.csv").write_text("patient_id,sex\nanna,female\n")
    key = str(tmp_path / "key")
    assert clams("key", key).returncode == 0
    words = ("import", str(tmp_path / "patient.csv"), "--pool", str(pool.path), "--key", key, "--json")
    done = clams(*words)
    assert (done.returncode, json.loads(done.stdout)["rows_kept"]) == (0, {"patient": 1})
    assert json.loads(clams(*words).stdout)["already_imported"]
