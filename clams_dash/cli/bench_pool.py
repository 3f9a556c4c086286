"""``clams bench pool``: opening a case, cohort bands and search as the pool grows, and what an import costs.

The questions are the app's own, asked of pools of made-up people. Sizes are measured in turns, so that what else the
machine does weighs on all of them alike; of single answers the processor time is given too.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from clams_dash.cli.output import Report
from clams_dash.clinical.bands import Along, bands
from clams_dash.ingest.run import import_source
from clams_dash.pool import bulk
from clams_dash.pool.cases import SortKey, case_page, load_case
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.reference import reference_points

SIZES = (10_000, 100_000, 2_800_000)
"""People; the last is everyone with MS (Atlas of MS, 2020)."""
READERS = 8
GROWTH_LIMIT = 1.5
OPEN_P95_LIMIT_MS = 50.0
_ROUNDS = 5
_CASES_A_ROUND = 40
_SEARCHES_A_ROUND = 4
_YEARS = np.arange(0.0, 30.0, 0.5)
Question = Callable[[Database, str], object]

SEARCHES: Mapping[str, Question] = {
    "first_page": lambda pool, patient: case_page(pool),
    "pseudonym": lambda pool, patient: case_page(pool, search=patient),
    "beginning": lambda pool, patient: case_page(pool, search=patient[:6]),
    "middle": lambda pool, patient: case_page(pool, search=patient[5:9]),
    "course": lambda pool, patient: case_page(pool, search="spms"),
    "therapy": lambda pool, patient: case_page(pool, search="natalizumab"),
    "centre": lambda pool, patient: case_page(pool, search="centre 07"),
    "sorted_by_edss": lambda pool, patient: case_page(pool, sort=SortKey.EDSS),
}


@dataclass
class _Size:
    """A pool of one size and the milliseconds measured on it."""

    people: int
    folder: PoolFolder
    built: dict[str, object]
    ids: list[str] = field(default_factory=list)
    wall: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    processor: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def figures(self, name: str) -> dict[str, float]:
        """Median and 95th percentile of a question."""
        found = {f"p{share}_ms": round(float(np.percentile(self.wall[name], share)), 2) for share in (50, 95)}
        if name in self.processor:
            found["p50_processor_ms"] = round(float(np.median(self.processor[name])), 2)
        return found


def bench_pool(sizes: Sequence[int], work: Path | None, progress: Report) -> dict[str, object]:
    """Measure pools of ``sizes`` people in a temporary folder of ``work`` (about 0.8 GB for a million people)."""
    before = os.getloadavg()
    folder = Path(tempfile.mkdtemp(prefix="clams-bench-", dir=work))
    try:
        pools = [_built(folder, people, place / len(sizes), progress) for place, people in enumerate(sorted(sizes))]
        imported = _import_beside_copy(pools[0].folder, folder, progress)
        for turn in range(_ROUNDS):
            for pool in pools:
                progress(f"asking {pool.people} people, round {turn + 1} of {_ROUNDS}", 0.5 + 0.5 * turn / _ROUNDS)
                _ask(pool, turn)
    finally:
        shutil.rmtree(folder)
    least, most = pools[0], pools[-1]
    names = list(least.wall)
    growth = {
        name: round(float(np.median(most.wall[name]) / np.median(least.wall[name])), 2)
        for name in names
    }  # fmt: skip
    worst = max(most.figures(name)["p95_ms"] for name in ("open", f"open_{READERS}_readers"))
    return {
        "what": "the app's own questions on pools of made-up people; milliseconds of wall clock and of processor",
        "load_average": {"before": before, "after": os.getloadavg()},
        "sizes": [{"people": one.people, **one.built, **{name: one.figures(name) for name in names}} for one in pools],
        "growth": growth,
        "open_grows_at_most_1.5": growth["open"] <= GROWTH_LIMIT,
        "open_p95_below_50_ms": worst < OPEN_P95_LIMIT_MS,
        "import": imported,
    }


def _built(work: Path, people: int, share: float, progress: Report) -> _Size:
    progress(f"building a pool of {people} people", 0.5 * share)
    folder = PoolFolder(work / f"pool-{people}")
    begun = time.perf_counter()
    bulk.build_bulk(folder, people)
    seconds = time.perf_counter() - begun
    progress(f"copying the rows of {people} people", 0.5 * share)
    sources = work / f"parquet-{people}"
    bulk.write_sources(folder, sources, "parquet")
    copied = bulk.copy_plainly(sources, "parquet", work / "plain.duckdb")
    shutil.rmtree(sources)
    size = folder.version_file(folder.current_version()).stat().st_size
    built: dict[str, object] = {
        "rows": copied.rows,
        "megabytes": round(size / 1e6, 1),
        "build_s": round(seconds, 1),
        "copy_s": round(copied.seconds, 1),
        "build_to_copy": round(seconds / copied.seconds, 2),
    }
    return _Size(people, folder, built, bulk.some_people(folder))


def _import_beside_copy(folder: PoolFolder, work: Path, progress: Report) -> dict[str, object]:
    """Import of the smallest pool's rows from CSV, with every check, beside DuckDB's COPY of the same files."""
    sources = work / "csv"
    bulk.write_sources(folder, sources, "csv")
    progress("importing the smallest pool from CSV", 0.5)
    begun = time.perf_counter()
    report = import_source(
        PoolFolder(work / "imported"), sources, format_name="tables", centre=None, dry_run=False,
        progress=lambda doing, share: None,
    )  # fmt: skip
    seconds = time.perf_counter() - begun
    copied = bulk.copy_plainly(sources, "csv", work / "plain.duckdb")
    return {
        "peer": "COPY of DuckDB into the same tables, without checks",
        "rows": report.rows_read,
        "rows_kept": sum(report.rows_kept.values()),
        "seconds": round(seconds, 2),
        "copy_s": round(copied.seconds, 2),
        "to_copy": round(seconds / copied.seconds, 1),
    }


def _ask(size: _Size, turn: int) -> None:
    """One round of every question, by one reader and by several at once; no person is asked for twice."""
    pool = Database(size.folder)
    ids = random.Random(turn).sample(size.ids, len(size.ids))  # noqa: S311 - a choice, no secret
    load_case(pool, ids.pop())
    try:
        _alone(size, "open", load_case, pool, _some(ids, _CASES_A_ROUND))
        _together(size, "open", load_case, pool, _some(ids, READERS * _CASES_A_ROUND // 2))
        _alone(size, "bands", _bands, pool, _some(ids, 2))
        _together(size, "bands", _bands, pool, _some(ids, READERS))
        for name, search in SEARCHES.items():
            _alone(size, f"search_{name}", search, pool, _some(ids, _SEARCHES_A_ROUND))
        _together(size, "search_beginning", SEARCHES["beginning"], pool, _some(ids, READERS * _SEARCHES_A_ROUND))
    finally:
        pool.close()


def _some(ids: list[str], number: int) -> list[str]:
    """The next people; where there are few, the first come again."""
    taken = ids[:number]
    ids[:] = ids[number:] + taken
    return taken


def _bands(pool: Database, patient: str) -> object:
    return bands(Along.of(reference_points(pool, "edss", synthetic=True), "duration"), _YEARS)


def _alone(size: _Size, name: str, question: Question, pool: Database, ids: Sequence[str]) -> None:
    for patient in ids:
        begun = time.process_time()
        size.wall[name].append(_milliseconds(question, pool, patient))
        size.processor[name].append(1e3 * (time.process_time() - begun))


def _together(size: _Size, name: str, question: Question, pool: Database, ids: Sequence[str]) -> None:
    with ThreadPoolExecutor(READERS) as readers:
        taken = readers.map(lambda patient: _milliseconds(question, pool, patient), ids)
        size.wall[f"{name}_{READERS}_readers"] += list(taken)


def _milliseconds(question: Question, pool: Database, patient: str) -> float:
    begun = time.perf_counter()
    question(pool, patient)
    return 1e3 * (time.perf_counter() - begun)
