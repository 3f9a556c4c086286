"""Work beside the server: every process reads the same record, and a killed worker is seen to be gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from clams_dash.errors import PoolBusy
from clams_dash.pool.background import Background, Reporter, Stage, Work
from clams_dash.pool.folder import PoolFolder

WORK = Work(patients=300, seed=7, scans=4)
WORKER = """
import sys
from pathlib import Path
from clams_dash.pool.background import Background, Reporter, Work
from clams_dash.pool.folder import PoolFolder
background = Background(PoolFolder(Path(sys.argv[1])))
with background.claim():
    Reporter(background, Work(300, 7, 4)).progress("drawing", 0.5)
    print("working", flush=True)
    sys.stdin.read()
"""


def test_a_folder_without_a_record_has_no_work(pool: PoolFolder) -> None:
    background = Background(pool)
    assert background.read() is None
    assert not background.alive()


def test_a_damaged_record_counts_as_none(pool: PoolFolder) -> None:
    background = Background(pool)
    with background.claim():
        background.write(WORK)
    (pool.path / "background.json").write_text('{"patients": 3')
    assert background.read() is None


def test_what_one_process_writes_another_reads_and_its_death_is_seen(pool: PoolFolder) -> None:
    background = Background(pool)
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(pool.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"working\n"
        assert background.alive()
        assert background.read() == replace(WORK, doing="drawing", share=0.5)
        with pytest.raises(PoolBusy, match="another process is building this pool"), background.claim():
            pass
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    assert not background.alive()
    assert background.read() == replace(WORK, doing="drawing", share=0.5)
    with background.claim():
        assert background.alive()


def test_work_is_unfinished_until_the_last_stage(pool: PoolFolder) -> None:
    background = Background(pool)
    with background.claim():
        reporter = Reporter(background, WORK)
        for stage in Stage:
            reporter.change(stage=stage)
            found = background.read()
            assert found is not None
            assert found.unfinished == (stage is not Stage.DONE)
