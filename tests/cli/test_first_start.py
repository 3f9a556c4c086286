"""The first start: what there is to do, what a killed worker leaves, and that its work goes on where it ended."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from clams_dash.cli import demo_worker, first_start
from clams_dash.errors import ClamsError
from clams_dash.pool import cases
from clams_dash.pool.background import Background, Reporter, Stage, Work
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.conftest import ImportTables
from tests.pools import silent

ASKED = Work(patients=300, seed=7, scans=0)


def patients_in(folder: PoolFolder) -> int:
    return cases.pool_counts(Database(folder)).patients


def test_an_empty_folder_asks_for_the_whole_demo_and_a_finished_one_for_nothing(pool: PoolFolder) -> None:
    assert first_start.unfinished_work(pool, ASKED) == ASKED
    background = Background(pool)
    with background.claim():
        demo_worker.do_work(pool, Reporter(background, ASKED))
    done = background.read()
    assert done is not None
    assert (done.stage, done.failure) == (Stage.DONE, None)
    assert (pool.models / "CURRENT").exists()
    assert first_start.unfinished_work(pool, ASKED) is None


def test_a_pool_that_was_imported_is_never_added_to(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(patient=[{"patient_id": "anna"}])
    assert first_start.unfinished_work(pool, ASKED) is None


def test_a_killed_worker_leaves_what_is_ready_and_the_next_start_goes_on(pool: PoolFolder) -> None:
    with first_start.start(pool, ASKED) as worker:
        first_start.wait_for_pool(pool, worker, silent)
        worker.kill()
    background = Background(pool)
    assert not background.alive()
    assert patients_in(pool) == 300
    left = first_start.unfinished_work(pool, ASKED)
    assert left is not None
    assert left.unfinished


def test_a_worker_ends_with_the_server_that_started_it(pool: PoolFolder) -> None:
    with first_start.start(pool, replace(ASKED, patients=5000)) as worker:
        assert worker.stdin is not None
        while Background(pool).read() is None and worker.poll() is None:
            time.sleep(0.05)
        worker.stdin.close()
        assert worker.wait(timeout=30) == 1
    assert not Background(pool).alive()


def test_a_worker_that_cannot_build_says_why(pool: PoolFolder) -> None:
    said = "phantom scans for 3 patients asked for, but the cohort has 2"
    with first_start.start(pool, replace(ASKED, patients=2, scans=3)) as worker, pytest.raises(ClamsError, match=said):
        first_start.wait_for_pool(pool, worker, silent)


def test_scans_of_other_patients_are_not_added_to_a_pool(pool: PoolFolder, tmp_path: Path) -> None:
    background = Background(pool)
    with background.claim():
        demo_worker.do_work(pool, Reporter(background, ASKED))
        before = pool.current_version()
        record = json.loads((pool.path / "background.json").read_text())
        other = Work(**{**record, "stage": Stage.SCANS, "scans": 1, "identity": "of another version"})
        demo_worker.do_work(pool, Reporter(background, other))
    failed = background.read()
    assert failed is not None
    assert failed.failure is not None
    assert "simulates other patients" in failed.failure
    assert pool.current_version() == before
