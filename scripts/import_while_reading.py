"""Import again and again while other processes read, and say how long a reader waited and when it saw the new data.

    python scripts/import_while_reading.py [--readers 4] [--imports 5] [--patients 2000] [--work FOLDER]
    python scripts/import_while_reading.py --shared postgresql://user@host/database --writers 2

Each reader is a process that counts the pool, turns a page of the case list and opens a case, with a pause of 20 ms
between rounds. With ``--shared`` the pool is one that several machines share, and several writers import at once, each
``--imports`` times. Exits 1 on any reader's error, a wait above ``--longest-wait`` seconds, a version seen later than
``--latest-sight`` seconds after it was published, an imported row that is not in the pool in the end, or readers that
counted differently in one version.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.shared.catalogue import Catalogue
from clams_dash.pool.shared.snapshots import version_name
from clams_dash.pool.sharing import share

PAUSE_S = 0.02


def main() -> int:
    """Run the readers and the imports, or be one of the readers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--imports", type=int, default=5)
    parser.add_argument("--writers", type=int, default=1, help="more than one need --shared")
    parser.add_argument("--shared", help="address of an empty database")
    parser.add_argument("--patients", type=int, default=2000, help="people in each import")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--longest-wait", type=float, default=1.0)
    parser.add_argument("--latest-sight", type=float, default=5.0)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read is not None:
        print(json.dumps(_read(options.read)))
        return 0
    work = Path(tempfile.mkdtemp(prefix="clams-readers-", dir=options.work))
    try:
        return _run(options, work)
    finally:
        shutil.rmtree(work)


def _run(options: argparse.Namespace, work: Path) -> int:
    pool = PoolFolder(work / "pool")
    if options.shared:
        share(pool, options.shared)
    if _importing(pool, _source(work, "0", options.patients)).wait() != 0:
        return 1
    readers = [
        subprocess.Popen(  # noqa: S603 - this very script
            [sys.executable, __file__, "--read", str(work)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(options.readers)
    ]
    while len(list(work.glob("ready-*"))) < options.readers:
        time.sleep(0.05)
    published: dict[str, float] = {}
    failed = 0
    place = pool.shared_place()
    catalogue = Catalogue(place) if place is not None else None
    for number in range(1, options.imports + 1):
        sources = [_source(work, f"{number}-{writer}", options.patients) for writer in range(options.writers)]
        writing = [_importing(pool, source) for source in sources]
        while any(one.poll() is None for one in writing):
            version, at = _newest(pool, catalogue)
            published.setdefault(version, at)
            time.sleep(0.05)
        failed += sum(one.returncode != 0 for one in writing)
        version, at = _newest(pool, catalogue)
        published.setdefault(version, at)
    time.sleep(2.0)
    (work / "stop").touch()
    told = [json.loads(reader.communicate()[0]) for reader in readers]
    return max(_verdict(options, told, published, failed), _complete(options, pool, told))


def _newest(pool: PoolFolder, catalogue: Catalogue | None) -> tuple[str, float]:
    """The current version and when it was published: as its pointer says, or now (the caller looks all the time)."""
    if catalogue is None:
        return pool.current_version(), (pool.path / "CURRENT").stat().st_mtime
    return version_name(catalogue.versions()[0]), time.time()


def _verdict(options: argparse.Namespace, told: list[dict[str, Any]], published: dict[str, float], failed: int) -> int:
    waits = sorted(wait for one in told for wait in one["waits"])
    errors = [error for one in told for error in one["errors"]]
    # A reader that was busy with a round when the next version came may never have met this one.
    sights = [one["seen"][version] - at for one in told for version, at in published.items() if version in one["seen"]]
    last = list(published)[-1]
    missed = sum(last not in one["seen"] for one in told)
    p95 = waits[int(0.95 * (len(waits) - 1))]
    writers = "" if options.writers == 1 else f" by {options.writers} writers at once"
    print(
        f"{options.imports * options.writers} imports of {options.patients} people{writers} beside {options.readers} "
        f"readers, {failed} failed"
    )
    print(f"{len(waits)} rounds read, {len(errors)} errors; wait p95 {1000 * p95:.0f} ms, longest {waits[-1]:.2f} s")
    print(f"a new version was seen {max(sights):.2f} s after it was published at the latest")
    print(f"{missed} readers missed the last version")
    for error in errors[:5]:
        print(f"  {error}")
    late = waits[-1] > options.longest_wait or max(sights) > options.latest_sight
    return int(bool(failed or errors or missed or late))


def _complete(options: argparse.Namespace, pool: PoolFolder, told: list[dict[str, Any]]) -> int:
    """Whether every row of every import is in the pool, and the readers counted alike."""
    people = options.patients * (1 + options.imports * options.writers)
    database = Database(pool)
    held = {row["table_name"]: row["n"] for row in database.rows("table_sizes")}
    batches = len(database.rows("batches"))
    database.close()
    counted: dict[str, set[int]] = {}
    for one in told:
        for version, count in one["counts"].items():
            counted.setdefault(version, set()).add(count)
    apart = [version for version, counts in counted.items() if len(counts) > 1]
    lost = (people - held["patient"], 10 * people - held["visit"])
    print(f"{held['patient']} people and {held['visit']} visits of {batches} imports in the pool, {lost} lost")
    print(f"{len(counted)} versions counted by {len(told)} readers, {len(apart)} of them differently")
    return int(lost != (0, 0) or bool(apart))


def _read(work: Path) -> dict[str, Any]:
    """Read until told to stop: how long each round took, what went wrong, and when each version was first seen."""
    database, dice = Database(PoolFolder(work / "pool")), random.Random(id(work))  # noqa: S311 - any case will do
    told: dict[str, Any] = {"waits": [], "errors": [], "seen": {}, "counts": {}}
    (work / f"ready-{time.monotonic_ns()}").touch()
    while not (work / "stop").exists():
        started = time.perf_counter()
        try:
            before, people = database.version, cases.pool_counts(database).patients
            if before == database.version:
                told["counts"][before] = people
            page, found = cases.case_page(database, sort=cases.SortKey.PATIENT, first=dice.randrange(people), rows=20)
            cases.load_case(database, dice.choice(page).patient_id)
            if found == 0:
                told["errors"].append("an empty pool was seen")
        except Exception as error:  # noqa: BLE001 - any error of a reader is what this looks for
            told["errors"].append(repr(error))
        told["waits"].append(time.perf_counter() - started)
        told["seen"].setdefault(database.version, time.time())
        time.sleep(PAUSE_S)
    return told


def _importing(pool: PoolFolder, source: Path) -> subprocess.Popen[bytes]:
    code = "from clams_dash.cli import main; main()"
    command = [sys.executable, "-c", code, "import", str(source), "--pool", str(pool.path)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def _source(work: Path, number: str, patients: int) -> Path:
    folder = work / f"source{number}"
    folder.mkdir()
    people = [f"p{number}-{one}" for one in range(patients)]
    (folder / "patient.csv").write_text("patient_id\n" + "\n".join(people) + "\n", encoding="utf-8")
    visits = [f"{one},{year}-03-01,2.0" for one in people for year in range(2015, 2025)]
    (folder / "visit.csv").write_text("patient_id,date,edss\n" + "\n".join(visits) + "\n", encoding="utf-8")
    return folder


if __name__ == "__main__":
    sys.exit(main())
