"""Faults of the machine: what an import could not finish changes nothing, and readers go on."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.conftest import ImportTables

SCRIPTS = Path(__file__).parents[2] / "scripts"


def _import_with_full_disk(source: Path, pool: PoolFolder, largest_file: int) -> subprocess.CompletedProcess[str]:
    """Import where no file can grow above a size, as on a full disk."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    command = [sys.executable, "-c", "from clams_dash.cli import main; main()", "import", str(source)]
    return subprocess.run(
        [*command, "--pool", str(pool.path)], capture_output=True, text=True, check=False, preexec_fn=limit,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


def _source(folder: Path, people: int, *, image: bool) -> Path:
    folder.mkdir()
    names = [f"p{number}" for number in range(people)]
    (folder / "patient.csv").write_text("patient_id\n" + "\n".join(names) + "\n")
    if image:
        (folder / "mri.csv").write_text(f"study_id,patient_id,date\ns1,{names[0]},2020-01-01\n")
        (folder / "series.csv").write_text("study_id,sequence,path\ns1,FLAIR,flair.nii\n")
        noise = np.random.default_rng(0).normal(100, 10, (48, 48, 48)).astype(np.float32)
        nib.save(nib.Nifti1Image(noise, np.eye(4)), folder / "flair.nii")
    return folder


@pytest.mark.parametrize(("largest_file", "image"), [(20_000, False), (200_000, False), (100_000, True)])
def test_a_full_disk_leaves_the_old_pool_and_the_next_import_succeeds(
    pool: PoolFolder, import_tables: ImportTables, tmp_path: Path, largest_file: int, image: bool
) -> None:
    import_tables(centre=None, patient=[{"patient_id": "anna"}])
    reader, version = Database(pool), pool.current_version()
    source = _source(tmp_path / "more", 3000, image=image)

    done = _import_with_full_disk(source, pool, largest_file)

    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert str(pool.path) in done.stderr
    assert pool.current_version() == version
    assert cases.pool_counts(reader).patients == cases.pool_counts(Database(pool)).patients == 1
    assert [file.name for file in pool.path.iterdir() if file.name.startswith((".building", ".CURRENT"))] == []
    assert [file.name for file in pool.path.rglob(".*-*")] == []

    import_tables(source)
    assert cases.pool_counts(reader).patients == 3001


@pytest.mark.slow
def test_readers_of_other_processes_go_on_while_imports_run(tmp_path: Path) -> None:
    """The same script by hand says how long they waited; here only that none failed and all saw the last version."""
    words = ["--imports", "3", "--patients", "500", "--longest-wait", "600", "--latest-sight", "600"]
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "import_while_reading.py"), *words, "--work", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 errors" in done.stdout
    assert "0 readers missed the last version" in done.stdout
