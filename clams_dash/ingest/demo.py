"""The demo pool: synthetic patients and phantom MRI, through the same checks and images as any other import."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pandas as pd

from clams_dash.cohort.phantom import draw_patients, plan_phantoms, scans_only, with_phantoms
from clams_dash.cohort.phantom_drawing import DrawnPatient
from clams_dash.cohort.phantom_stories import Chosen
from clams_dash.cohort.simulate import simulate_cohort
from clams_dash.errors import ClamsError, PoolBusy
from clams_dash.ingest.images import Progress
from clams_dash.ingest.run import ImportReport, import_staged
from clams_dash.ingest.staging import Staged, with_rows
from clams_dash.model.tables import SERIES
from clams_dash.pool.background import Background
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder

_SIMULATED, _DRAWN = 0.15, 0.75
"""share of the whole work done after the simulation and after the drawing"""
_SCRATCH = ".drawing"
_BUSY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Demo:
    """What a demo pool is made of; the same numbers give the same clinical data."""

    patients: int
    seed: int
    scans: int
    family: str = "smooth"
    """how therapies act differently in different people (``families.toml``)"""
    scenario: str = "default"
    """what is wrong with the data (``scenarios.toml``)"""

    @property
    def command(self) -> str:
        """The command that builds it."""
        made = f"clams demo --patients {self.patients} --seed {self.seed} --scans {self.scans}"
        if (self.family, self.scenario) == ("smooth", "default"):
            return made
        return f"{made} --family {self.family} --scenario {self.scenario}"


def build_demo(
    folder: PoolFolder,
    *,
    patients: int,
    seed: int,
    scans: int,
    progress: Progress,
    family: str = "smooth",
    scenario: str = "default",
) -> ImportReport:
    """Simulate a cohort, draw its phantoms and import both into an empty pool folder in one step.

    Raises ClamsError when the folder already holds a pool, or more scans than patients are asked for.
    """
    if folder.exists():
        raise ClamsError(f"{folder.path}: already holds a pool; give another folder with --pool, or remove it")
    with Background(folder).claim():
        demo = Demo(patients, seed, scans, family, scenario)
        parts = build_in_parts(folder, demo, group=max(scans, 1), progress=progress)
        return list(parts)[-1][1]


def build_in_parts(
    folder: PoolFolder,
    demo: Demo,
    *,
    group: int,
    progress: Progress,
    identity: Callable[[str], None] = lambda digest: None,
) -> Generator[tuple[int, ImportReport]]:
    """Build a demo pool, or what it still lacks; a version is published whenever ``group`` persons' scans are ready.

    The first version holds everybody, and the first persons' scans: those of the three stories, if ``group`` is 3.
    Each version gives the number of persons whose scans the pool holds, and the report of its import. The clinical
    tables in the end are the same whatever ``group``, and whether the work was interrupted or not. ``identity`` is told
    the digest of the simulated tables before anything is written. The caller holds the claim on the folder's work.
    """
    fresh = not folder.exists()
    progress("simulating patients", 0.0)
    frames = simulate_cohort(demo.patients, demo.seed, family=demo.family, scenario=demo.scenario)
    chosen = plan_phantoms(frames, demo.scans)
    identity(_digest(frames))
    ready = _ready(folder, chosen)
    waiting = [person for person in chosen if person.patient_id not in ready]
    with _scratch(folder) as images:
        if fresh and not demo.scans:
            yield 0, _publish(folder, demo, frames, None, images, _after(progress, _SIMULATED))
        # The first persons are drawn with all there is, and published before anything else is begun.
        turns = [waiting[:group], waiting[group:]]
        drawing = chain.from_iterable(
            draw_patients(frames["mri"], turn, demo.seed, images, _cores()) for turn in turns if turn
        )
        count = len(ready)
        for drawn in _grouped(drawing, group, count, len(chosen), progress):
            first = fresh and count == 0
            parts = with_phantoms(frames, chosen, drawn) if first else scans_only(chosen, drawn)
            names = None if first else [patient.patient_id for patient in drawn]
            count += len(drawn)
            yield count, _publish(folder, demo, parts, names, images, _after(progress, _share(count, len(chosen))))


def _publish(
    folder: PoolFolder,
    demo: Demo,
    frames: dict[str, pd.DataFrame],
    scans_of: list[str] | None,
    images: Path,
    progress: Progress,
) -> ImportReport:
    """Import a part: everybody (None) or the scans of some; waits while another import is writing."""
    staged = Staged(
        format="synthetic",
        source=demo.command if scans_of is None else f"{demo.command}: scans of {', '.join(scans_of)}",
        sha256=_digest(frames),
        frames={name: with_rows(frame, f"synthetic {name}") for name, frame in frames.items()},
        image_root=images,
    )
    while True:
        if scans_of is None and folder.exists():
            raise ClamsError(f"{folder.path}: was given a pool meanwhile, to which no synthetic patients are added")
        try:
            return import_staged(folder, staged, centre=None, dry_run=False, progress=progress)
        except PoolBusy:
            time.sleep(_BUSY_SECONDS)


def _grouped(
    drawing: Iterator[DrawnPatient], group: int, ready: int, wanted: int, progress: Progress
) -> Iterator[list[DrawnPatient]]:
    drawn: list[DrawnPatient] = []
    for number, patient in enumerate(drawing, start=ready + 1):
        progress(f"phantom MRI of {patient.patient_id} drawn", _share(number, wanted))
        drawn.append(patient)
        if len(drawn) == group or number == wanted:
            yield drawn
            drawn = []


def _share(count: int, wanted: int) -> float:
    return _SIMULATED + (_DRAWN - _SIMULATED) * count / wanted


def _after(progress: Progress, done: float) -> Progress:
    return lambda doing, share: progress(doing, done + (1.0 - done) * share)


def _ready(folder: PoolFolder, chosen: list[Chosen]) -> set[str]:
    """Persons whose scans the pool already holds."""
    if not folder.exists():
        return set()
    database = Database(folder)
    try:
        return {person.patient_id for person in chosen if database.patient_rows(SERIES, person.patient_id)}
    finally:
        database.close()


@contextmanager
def _scratch(folder: PoolFolder) -> Iterator[Path]:
    """A folder for drawn files beside the pool; what a killed process left in it goes away."""
    path = folder.path / _SCRATCH
    try:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    except OSError as error:
        raise ClamsError(f"{folder.path}: cannot be written ({error.strerror}); choose another folder") from error
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _digest(frames: dict[str, pd.DataFrame]) -> str:
    total = hashlib.sha256()
    for name in sorted(frames):
        total.update(name.encode())
        total.update(pd.util.hash_pandas_object(frames[name].astype("string"), index=False).to_numpy().tobytes())
    return total.hexdigest()
