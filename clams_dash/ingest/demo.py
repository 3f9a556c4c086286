"""The demo pool: synthetic patients and phantom MRI, through the same checks and images as any other import."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import pandas as pd

from clams_dash.cohort.phantom import add_phantoms
from clams_dash.cohort.simulate import simulate_cohort
from clams_dash.errors import ClamsError
from clams_dash.ingest.images import Progress
from clams_dash.ingest.run import ImportReport, import_staged
from clams_dash.ingest.staging import Staged, with_rows
from clams_dash.pool.folder import PoolFolder


def build_demo(folder: PoolFolder, *, patients: int, seed: int, scans: int, progress: Progress) -> ImportReport:
    """Simulate a cohort, draw its phantoms and import both into an empty pool folder.

    Raises ClamsError when the folder already holds a pool, or more scans than patients are asked for.
    """
    if folder.exists():
        raise ClamsError(f"{folder.path}: already holds a pool; give another folder with --pool, or remove it")
    progress("simulating patients", 0.0)
    frames = simulate_cohort(patients, seed)
    with tempfile.TemporaryDirectory(prefix="clams-demo-") as scratch:
        images = Path(scratch)
        if scans:
            frames = add_phantoms(frames, scans, seed, images, lambda doing, share: progress(doing, 0.6 * share))
        staged = Staged(
            format="synthetic",
            source=f"clams demo --patients {patients} --seed {seed} --scans {scans}",
            sha256=_digest(frames),
            frames={name: with_rows(frame, f"synthetic {name}") for name, frame in frames.items()},
            image_root=images,
        )
        return import_staged(
            folder, staged, centre=None, dry_run=False, progress=lambda doing, share: progress(doing, 0.6 + 0.4 * share)
        )


def _digest(frames: dict[str, pd.DataFrame]) -> str:
    total = hashlib.sha256()
    for name in sorted(frames):
        total.update(name.encode())
        total.update(pd.util.hash_pandas_object(frames[name].astype("string"), index=False).to_numpy().tobytes())
    return total.hexdigest()
