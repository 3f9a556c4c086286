"""Pools that several test folders share: a small demo pool with a model, the real scans; and the kinds of pools."""

from __future__ import annotations

from pathlib import Path

import pytest

from clams_dash.cli.therapy import train_on
from clams_dash.ingest.demo import build_demo
from clams_dash.ingest.run import import_source
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder

FILES, SHARED = "files", "shared"
both_kinds = pytest.mark.parametrize("pool", [FILES, SHARED], indirect=True)
"""Runs a test with a pool of one machine and with one that several machines share."""


def silent(doing: str, share: float) -> None:
    """Progress that nobody watches."""


def small_demo(folder: Path) -> PoolFolder:
    """300 synthetic people, one of them with phantom MRI, and a model trained on them."""
    pool = PoolFolder(folder)
    build_demo(pool, patients=300, seed=7, scans=1, progress=silent)
    train_on(pool, 0, silent)
    return pool


def real_pool(folder: Path, source: Path) -> PoolFolder:
    """The real scans as they lie."""
    pool = PoolFolder(folder)
    import_source(pool, source, format_name=None, centre=None, dry_run=False, progress=silent)
    return pool


def scanned_patient(pool: PoolFolder) -> str:
    """A person with images."""
    return cases.case_page(Database(pool))[0][0].patient_id
