"""The demo pool: the same seed gives the same clinical tables, built at once, in parts, or after a kill."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from clams_dash.errors import ClamsError
from clams_dash.ingest.demo import Demo, build_demo, build_in_parts
from clams_dash.model import tables
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.pools import silent

DEMO = Demo(patients=300, seed=7, scans=2)


def clinical_hash(folder: PoolFolder) -> str:
    """Digest of the ordered rows of all clinical tables without provenance columns."""
    database = Database(folder)
    total = hashlib.sha256()
    for table in tables.CLINICAL_TABLES:
        frame = database.frame(table)
        kept = frame[[name for name in frame if name not in ("batch_id", "source_file", "source_row")]].astype("str")
        total.update(table.name.encode())
        total.update(pd.util.hash_pandas_object(kept, index=False).to_numpy().tobytes())
    database.close()
    return total.hexdigest()


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> PoolFolder:
    folder = PoolFolder(tmp_path_factory.mktemp("demo") / "pool")
    build_demo(folder, patients=DEMO.patients, seed=DEMO.seed, scans=DEMO.scans, progress=silent)
    return folder


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[PoolFolder, list[int]]:
    """Stopped after the first version and begun again."""
    folder = PoolFolder(tmp_path_factory.mktemp("demo") / "pool")
    parts = build_in_parts(folder, DEMO, group=1, progress=silent)
    versions = [next(parts)[0]]
    parts.close()
    versions += [ready for ready, _ in build_in_parts(folder, DEMO, group=1, progress=silent)]
    return folder, versions


def test_a_demo_in_parts_and_interrupted_ends_with_the_same_clinical_tables(
    at_once: PoolFolder, interrupted: tuple[PoolFolder, list[int]]
) -> None:
    folder, versions = interrupted
    assert versions == [1, 2]
    assert clinical_hash(folder) == clinical_hash(at_once)


def test_another_seed_gives_other_patients(at_once: PoolFolder, tmp_path: Path) -> None:
    folder = PoolFolder(tmp_path / "pool")
    build_demo(folder, patients=DEMO.patients, seed=8, scans=0, progress=silent)
    assert clinical_hash(folder) != clinical_hash(at_once)


def test_nothing_is_set_aside_or_left_over(interrupted: tuple[PoolFolder, list[int]]) -> None:
    folder, _ = interrupted
    # Warnings are kept: a registry sees people soon after relapses, and EDSS may jump between visits.
    assert {row["severity"] for row in Database(folder).rows("rejects")} <= {"warning"}
    assert not (folder.path / ".drawing").exists()


def test_a_finished_demo_has_nothing_left_to_do(at_once: PoolFolder) -> None:
    before = at_once.current_version()
    assert list(build_in_parts(at_once, DEMO, group=1, progress=silent)) == []
    assert at_once.current_version() == before


def test_a_demo_is_never_built_over_a_pool(at_once: PoolFolder) -> None:
    with pytest.raises(ClamsError, match="already holds a pool"):
        build_demo(at_once, patients=10, seed=1, scans=0, progress=silent)
