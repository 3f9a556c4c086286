"""``clams bench``: one JSON document that says what was measured on which machine."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from clams_dash.cli import app


def test_bench_of_progression_gives_seconds_by_size_and_growth() -> None:
    done = CliRunner().invoke(app, ["bench", "progression", "--patients", "400"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["machine"]["cores"]
    measured = document["progression"]
    assert [size["patients"] for size in measured["sizes"]] == [50, 100, 200, 400]
    assert all(set(size["seconds"]) == {"mueller2023", "kappos2020", "msbase"} for size in measured["sizes"])
    visits = [size["visits"] for size in measured["sizes"]]
    assert visits == sorted(set(visits))
    assert isinstance(measured["growth"], float)


def test_bench_of_something_unknown_is_wrong_usage() -> None:
    done = CliRunner().invoke(app, ["bench", "everything"])
    assert done.exit_code == 2
    assert "choose all or progression" in " ".join(done.stderr.replace("│", " ").split())
