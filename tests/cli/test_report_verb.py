"""``clams report``: a PDF where asked, a plain refusal otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from clams_dash.cli import app
from clams_dash.errors import ClamsError, UnknownPatient
from clams_dash.pool.folder import PoolFolder
from tests.conftest import ImportTables


def run(pool: PoolFolder, *words: str) -> Result:
    return CliRunner().invoke(app, ["report", *words, "--pool", str(pool.path)])


@pytest.fixture
def anna(pool: PoolFolder, import_tables: ImportTables) -> PoolFolder:
    """One person with a visit; ben has no dated record."""
    import_tables(
        patient=[{"patient_id": "anna", "synthetic": True}, {"patient_id": "ben"}],
        visit=[{"patient_id": "anna", "date": "2024-03-01", "edss": 2.0}],
    )
    return pool


def test_the_letter_is_written_where_asked(anna: PoolFolder, tmp_path: Path) -> None:
    target = tmp_path / "anna.pdf"
    done = run(anna, "anna", "-o", str(target), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["bytes"] == target.stat().st_size
    assert target.read_bytes().startswith(b"%PDF-")


def test_nobody_and_nothing_are_refused_by_name(anna: PoolFolder, tmp_path: Path) -> None:
    assert isinstance(run(anna, "carl", "-o", str(tmp_path / "c.pdf")).exception, UnknownPatient)
    refused = run(anna, "ben", "-o", str(tmp_path / "b.pdf")).exception
    assert isinstance(refused, ClamsError)
    assert "ben" in str(refused)
    assert not list(tmp_path.glob("*.pdf"))


def test_a_file_that_cannot_be_written_is_named(anna: PoolFolder, tmp_path: Path) -> None:
    refused = run(anna, "anna", "-o", str(tmp_path / "no" / "anna.pdf")).exception
    assert isinstance(refused, ClamsError)
    assert "anna.pdf" in str(refused)
