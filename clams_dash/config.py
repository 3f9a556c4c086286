"""Where things are and which limits hold. Environment variables are read here and nowhere else."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[1]
FACTS_DIR = PROJECT_ROOT / "data"
ASSETS_DIR = PROJECT_ROOT / "assets"

DEMO_PATIENTS = 20_000
DEMO_SEED = 20260630
DEMO_SCANS = 12

NOT_A_DEVICE = "Research and demonstration software, not a medical device."


def default_pool_dir() -> Path:
    """``CLAMS_POOL`` or ``data/pool`` in the project."""
    return Path(os.environ.get("CLAMS_POOL") or FACTS_DIR / "pool")


def real_data_dir() -> Path:
    """``CLAMS_REAL_DATA`` or ``../shared/data``: real scans for tests, never part of the project."""
    return Path(os.environ.get("CLAMS_REAL_DATA") or PROJECT_ROOT.parent / "shared" / "data")


def chromium() -> str | None:
    """``CLAMS_CHROMIUM`` or a Chromium on the path; None where there is none."""
    names = (os.environ.get("CLAMS_CHROMIUM") or "", "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


def nfl_table() -> Path | None:
    """``CLAMS_NFL_TABLE``: a centre's own percentiles of neurofilament light by age, in place of the surrogate."""
    named = os.environ.get("CLAMS_NFL_TABLE")
    return Path(named) if named else None


@dataclass(frozen=True)
class Settings:
    """What one server process needs to know.

    ``max_body_bytes`` bounds a request body; ``max_json_depth`` its nesting.
    """

    pool_dir: Path
    host: str = "127.0.0.1"
    port: int = 8050
    threads: int = 8
    mode: str = "consult"
    max_body_bytes: int = 1_000_000
    max_json_depth: int = 24
