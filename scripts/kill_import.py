"""Kill an import with SIGKILL at random moments and show that the served pool stays as it was and can be opened.

    python scripts/kill_import.py [--kills 200] [--source FOLDER] [--work FOLDER]

Without ``--source`` it writes tables and scans of its own. The moments are spread over the time an import takes here.
"""

from __future__ import annotations

import argparse
import csv
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np

from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder


def main() -> int:
    """Run the kills and say how they ended; 0 when every one left the pool unchanged."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="clams-kill-", dir=options.work))
    try:
        return _run(options.kills, options.source, work, random.Random(options.seed))  # noqa: S311 - moments, no secrets
    finally:
        shutil.rmtree(work)


def _run(kills: int, source: Path | None, work: Path, moments: random.Random) -> int:
    first, second = _write_source(work / "first", "a", 200, 1), source or _write_source(work / "second", "b", 4000, 6)
    base, served = PoolFolder(work / "base"), PoolFolder(work / "served")
    if _import(base, first).wait() != 0:
        sys.exit(f"{first}: the first import, before any kill, failed; import it by hand to see why")
    shutil.copytree(base.path, served.path)
    started = time.monotonic()
    if _import(served, second).wait() != 0:
        sys.exit(f"{second}: cannot be imported; import it by hand to see why")
    length = time.monotonic() - started
    unchanged = changed = late = 0
    while unchanged + changed < kills:
        shutil.rmtree(served.path)
        shutil.copytree(base.path, served.path)
        reader = Database(served)
        before, version = _fingerprint(reader), served.current_version()
        moment = moments.uniform(0, length)
        killed = _kill_after(_import(served, second), moment)
        if not killed or served.current_version() != version:
            late += 1  # the switch was over: a finished import, not a killed one
            continue
        same = _fingerprint(reader) == before and _fingerprint(Database(served)) == before
        unchanged, changed = unchanged + same, changed + (not same)
        print(f"kill {unchanged + changed:2} after {moment:5.2f} s: {'unchanged' if same else 'CHANGED'}")
    print(f"{unchanged} of {kills} kills left the served pool unchanged and openable")
    print(f"(an import takes {length:.1f} s here; {late} more moments fell after its end)")
    last = _import(served, second).wait()
    print(
        f"the import after the last kill exits {last} and the pool opens: {_fingerprint(Database(served))[0]} patients"
    )
    return 0 if unchanged == kills and last == 0 else 1


def _import(folder: PoolFolder, source: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-c",
        "from clams_dash.cli import main; main()",
        "import",
        str(source),
        "--pool",
        str(folder.path),
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def _kill_after(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def _fingerprint(database: Database) -> tuple[int, tuple[tuple[str, int], ...]]:
    sizes = database.rows("table_sizes")
    return cases.pool_counts(database).patients, tuple((row["table_name"], row["n"]) for row in sizes)


def _write_source(folder: Path, prefix: str, patients: int, scans: int) -> Path:
    folder.mkdir(parents=True)
    names = [f"{prefix}{number}" for number in range(patients)]
    _write(folder / "patient.csv", ["patient_id", "birth_date"], [[name, "1980-01-01"] for name in names])
    visits = [[name, f"{year}-03-01", "2.0"] for name in names for year in range(2015, 2025)]
    _write(folder / "visit.csv", ["patient_id", "date", "edss"], visits)
    studies = [[f"{names[number]}-mri", names[number], "2024-01-01"] for number in range(scans)]
    _write(folder / "mri.csv", ["study_id", "patient_id", "date"], studies)
    _write(
        folder / "series.csv", ["study_id", "sequence", "path"], [[s[0], "FLAIR", f"{s[0]}.nii.gz"] for s in studies]
    )
    noise = np.random.default_rng(0)
    for study in studies:
        image = nib.Nifti1Image(noise.normal(100, 10, (96, 96, 60)).astype(np.float32), np.eye(4))
        nib.save(image, folder / f"{study[0]}.nii.gz")
    return folder


def _write(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([header, *rows])


if __name__ == "__main__":
    sys.exit(main())
