"""A shared pool measured beside the embedded file: opening a case, cohort bands, an import.

    python scripts/shared_pool.py postgresql://user@host/empty_database [--patients 10000] [--work FOLDER]

The same synthetic people are built twice; one pool is then moved into the database. The two are asked in turns, so that
a busy machine slows both alike. Prints medians and 95th percentiles in milliseconds, and seconds of an import.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from clams_dash.ingest.demo import build_demo
from clams_dash.ingest.run import import_source
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.reference import reference_points
from clams_dash.pool.sharing import share


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database")
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clams-shared-", dir=options.work) as name:
        work = Path(name)
        pools = {"file": PoolFolder(work / "file"), "shared": PoolFolder(work / "shared")}
        build_demo(pools["file"], patients=options.patients, seed=1, scans=0, progress=_silent)
        shutil.copytree(pools["file"].path, pools["shared"].path)
        share(pools["shared"], options.database)
        readers = {kind: Database(pool) for kind, pool in pools.items()}
        print(f"{options.patients} patients | file | shared | ratio of medians")
        people = [row.patient_id for row in cases.case_page(readers["file"], rows=500)[0]]
        dice = np.random.default_rng(0)
        asked = [str(one) for one in dice.choice(people, options.rounds)]
        _compare(
            "open a case, ms", readers, [lambda database, one=one: cases.load_case(database, one) for one in asked]
        )
        for measure in ("edss", "nfl"):
            bands = [lambda database, m=measure: reference_points(database, m, synthetic=True)] * 15
            _compare(f"cohort band {measure}, ms", readers, bands)
        _compare("page of the case list, ms", readers, [lambda database: cases.case_page(database)] * 30)
        took: dict[str, list[float]] = {kind: [] for kind in pools}
        for turn in range(3):
            source = work / f"source{turn}"
            source.mkdir()
            (source / "patient.csv").write_text(f"patient_id\nnew{turn}\n", encoding="utf-8")
            for kind, pool in pools.items():
                begun = time.perf_counter()
                import_source(pool, source, format_name=None, centre=None, dry_run=False, progress=_silent)
                took[kind].append(time.perf_counter() - begun)
        file, shared = (float(np.median(took[kind])) for kind in ("file", "shared"))
        print(f"import of one person into it, s | {file:.1f} | {shared:.1f} | {shared / file:.1f}")


def _compare(what: str, readers: dict[str, Database], questions: list[Callable[[Database], object]]) -> None:
    took: dict[str, list[float]] = {kind: [] for kind in readers}
    for question in [questions[0], *questions]:
        for kind, database in readers.items():
            begun = time.perf_counter()
            question(database)
            took[kind].append(1000 * (time.perf_counter() - begun))
    medians = {kind: float(np.median(times[1:])) for kind, times in took.items()}
    p95 = {kind: float(np.percentile(times[1:], 95)) for kind, times in took.items()}
    shown = " | ".join(f"{medians[kind]:.1f} / {p95[kind]:.1f}" for kind in readers)
    print(f"{what} | {shown} | {medians['shared'] / medians['file']:.1f}", flush=True)


def _silent(doing: str, share_done: float) -> None:
    """Progress that nobody watches."""


if __name__ == "__main__":
    main()
