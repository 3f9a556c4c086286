"""The first start: a process of its own builds the demo pool and trains on it while the server answers already.

The process is :mod:`clams_dash.cli.demo_worker`. Its standard input gives the work, and ends with the server: a server
that is killed leaves nobody behind.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict

from clams_dash.cli.output import Report
from clams_dash.errors import ClamsError
from clams_dash.pool.background import Background, Work
from clams_dash.pool.folder import PoolFolder

_WORKER = "clams_dash.cli.demo_worker"
_LOOK_SECONDS = 0.2


def unfinished_work(folder: PoolFolder, asked: Work) -> Work | None:
    """What there is to do: ``asked`` where there is no pool, the rest of an earlier start, or nothing."""
    if not folder.exists():
        return asked
    earlier = Background(folder).read()
    return earlier if earlier is not None and earlier.unfinished else None


def start(folder: PoolFolder, work: Work) -> subprocess.Popen[bytes]:
    """Start the process that does the work; it ends with this one."""
    process = subprocess.Popen([sys.executable, "-m", _WORKER, str(folder.path)], stdin=subprocess.PIPE)  # noqa: S603 - our own module
    if process.stdin is not None:
        process.stdin.write(json.dumps(asdict(work)).encode() + b"\n")
        process.stdin.flush()
    return process


def wait_for_pool(folder: PoolFolder, process: subprocess.Popen[bytes], progress: Report) -> None:
    """Wait until there is a first version to serve. Raises ClamsError when the process ends without one."""
    background = Background(folder)
    while not (folder.path / "CURRENT").exists():
        work = background.read()
        if work is not None:
            progress(work.doing or "starting", work.share)
        if process.poll() is not None and not background.alive():
            reason = work.failure if work is not None and work.failure else "the process that built it was ended"
            raise ClamsError(f"{folder.path}: the demo pool could not be built: {reason}")
        time.sleep(_LOOK_SECONDS)
