"""Fixtures shared by the tests: real data where it lies, small NIfTI files, small pools."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from clams_dash.config import real_data_dir
from clams_dash.ingest.run import ImportReport, import_source
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.sharing import share
from tests.pools import FILES, SHARED, real_pool, small_demo
from tests.postgres import Server, running_server

WriteNifti = Callable[..., Path]
ImportTables = Callable[..., ImportReport]


@pytest.fixture(scope="session")
def open_ms_data() -> Path:
    """The real scans; where they are not, the tests that need them are skipped and say so."""
    folder = real_data_dir() / "open_ms_data"
    if not folder.is_dir():
        pytest.skip(f"real scans are not at {folder} (set CLAMS_REAL_DATA)")
    return folder


@pytest.fixture(scope="session")
def demo_pool(tmp_path_factory: pytest.TempPathFactory) -> PoolFolder:
    """A small demo pool with one scanned person and a trained model; read only."""
    return small_demo(tmp_path_factory.mktemp("demo") / "pool")


@pytest.fixture(scope="session")
def real_cases(open_ms_data: Path, tmp_path_factory: pytest.TempPathFactory) -> PoolFolder:
    """A pool of the real scans; read only."""
    return real_pool(tmp_path_factory.mktemp("real") / "pool", open_ms_data)


@pytest.fixture
def write_nifti(tmp_path: Path) -> WriteNifti:
    """Write an array as NIfTI: ``write_nifti(name, data, affine)``."""

    def write(name: str, data: np.ndarray, affine: np.ndarray | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(data, np.eye(4) if affine is None else affine), path)
        return path

    return write


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server on loopback, found or installed; the tests fail where none can be had."""
    with running_server() as server:
        yield server


@pytest.fixture
def database_url(postgres: Server) -> str:
    """Address of an empty database."""
    return postgres.make_database(f"pool_{secrets.token_hex(6)}")


@pytest.fixture
def pool(tmp_path: Path, request: pytest.FixtureRequest) -> PoolFolder:
    """A pool folder that holds nothing yet; shared when a test asks for that kind (``tests.pools.both_kinds``)."""
    folder = PoolFolder(tmp_path / "pool")
    if getattr(request, "param", FILES) == SHARED:
        share(folder, request.getfixturevalue("database_url"))
    return folder


@pytest.fixture
def import_tables(tmp_path: Path, pool: PoolFolder) -> ImportTables:
    """Write CSV files named after tables and import them: ``import_tables(patient=[{...}], visit=[{...}])``."""
    count = 0

    def run(
        folder: Path | None = None,
        *,
        dry_run: bool = False,
        centre: str | None = "Test centre",
        **rows: list[dict[str, object]],
    ) -> ImportReport:
        nonlocal count
        count += 1
        source = folder or tmp_path / f"source{count}"
        source.mkdir(exist_ok=True)
        for table, lines in rows.items():
            pd.DataFrame(lines).to_csv(source / f"{table}.csv", index=False)
        return import_source(
            pool, source, format_name=None, centre=centre, dry_run=dry_run, progress=lambda doing, share: None
        )

    return run
