"""Builds a demo pool and trains on it beside a server: ``python -m clams_dash.cli.demo_worker FOLDER``.

One line of standard input gives the work (the record as JSON); when standard input ends, so does this process.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

from clams_dash.cli.therapy import Kind, train_on
from clams_dash.errors import ClamsError, PoolBusy
from clams_dash.pool.background import Background, Reporter, Stage, Work
from clams_dash.pool.folder import PoolFolder

_GROUP = 3
"""Scans of so many patients make a new version: the first one holds the three stories."""


def main(path: str) -> None:
    """Do the work that standard input gives, and end when it ends."""
    given = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_server, name="end-with-server", daemon=True).start()
    background = Background(PoolFolder(Path(path)))
    try:
        with background.claim():
            do_work(background.folder, Reporter(background, Work(**{**given, "stage": Stage(given["stage"])})))
    except PoolBusy:
        return  # another server's process is at it already


def _end_with_server() -> None:
    sys.stdin.read()
    os._exit(1)


def do_work(folder: PoolFolder, reporter: Reporter) -> None:
    """Build what is missing of the demo pool, train on it, and write the record all along.

    The caller holds the claim. What goes wrong stands in the record; the pool as published so far stays.
    """
    from clams_dash.ingest.alignment import align_people

    reporter.change(failure=None, doing="", share=0.0)
    try:
        _build(folder, reporter)
        if reporter.work.stage is not Stage.SPACES:
            reporter.change(stage=Stage.MODEL, doing="", share=0.0)
            train_on(folder, 0, reporter.progress, Kind.SYNTHETIC)
        reporter.change(stage=Stage.SPACES, doing="", share=0.0)
        align_people(folder, reporter.progress)
        reporter.change(stage=Stage.DONE, doing="", share=1.0)
    except ClamsError as error:
        reporter.change(failure=str(error))
    except BaseException as error:
        reporter.change(failure=f"{type(error).__name__}: {error}")
        raise


def _build(folder: PoolFolder, reporter: Reporter) -> None:
    from clams_dash.ingest.demo import Demo, build_in_parts

    if reporter.work.stage in (Stage.MODEL, Stage.SPACES):
        return
    demo = Demo(reporter.work.patients, reporter.work.seed, reporter.work.scans)

    def identify(digest: str) -> None:
        known = reporter.work.identity
        if folder.exists() and known != digest:
            raise ClamsError(
                f"{folder.path}: this version simulates other patients than this pool holds, so its missing scans "
                "cannot be added; remove the folder to build a new demo pool"
            )
        reporter.change(identity=digest)

    for ready, _ in build_in_parts(folder, demo, group=_GROUP, progress=reporter.progress, identity=identify):
        reporter.change(stage=Stage.SCANS, scans_ready=ready)


if __name__ == "__main__":
    main(sys.argv[1])
