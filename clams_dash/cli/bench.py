"""The verb ``bench``: speed and scale, measured here and now, as one JSON document."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from clams_dash.cli.bench_pool import SIZES, bench_pool
from clams_dash.cli.output import Report, print_json, progress_bar
from clams_dash.clinical.convention import Convention
from clams_dash.clinical.progression_arrays import score_cohort
from clams_dash.errors import ClamsError

PARTS: tuple[str, ...] = ("progression", "viewer", "pool")
_LIMIT_S = 60.0
_AT_ONCE = 20_000


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("bench")(bench)


def bench(
    part: Annotated[str, typer.Argument(help=f"What to measure: all, {', '.join(PARTS)}.")] = "all",
    patients: Annotated[
        int, typer.Option(min=8, help="progression: synthetic patients at the largest size.")
    ] = 100_000,
    sizes: Annotated[
        list[int], typer.Option(min=100, help="pool: people in a pool; may be given several times.")
    ] = list(SIZES),  # noqa: B006 - typer reads it once
    work: Annotated[
        Path | None, typer.Option(help="pool: folder for the pools, removed again (0.8 GB a million people).")
    ] = None,
) -> None:
    """Measure speed and how it grows; prints one JSON document."""
    if part not in ("all", *PARTS):
        raise typer.BadParameter(f"{part!r} is not measured; choose all or {', '.join(PARTS)}", param_hint="part")
    from clams_dash.cli.bench_viewer import bench_viewer

    parts: dict[str, Callable[[Report], dict[str, object]]] = {
        "progression": lambda progress: bench_progression(patients, progress),
        "viewer": bench_viewer,
        "pool": lambda progress: bench_pool(sizes, work, progress),
    }
    with progress_bar() as progress:
        measured = {name: run(progress) for name, run in parts.items() if part in ("all", name)}
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    print_json({"machine": machine, **measured})


def bench_progression(patients: int, progress: Report) -> dict[str, object]:
    """Seconds for CDW, CDI and labels of synthetic persons at an eighth, a quarter, a half and all of ``patients``.

    Reading the courses is not part of it. ``growth`` is the exponent of seconds in visits between the smallest and the
    largest size: 1 = linear. Raises ClamsError where the simulated persons have no EDSS.
    """
    visits, relapses = _courses(patients, progress)
    if not len(visits):
        raise ClamsError("no visit with an EDSS was simulated; choose more patients")
    definitions = ("mueller2023", "kappos2020", "msbase")
    sizes: list[dict[str, object]] = []
    taken: list[tuple[int, float]] = []
    for share in (8, 4, 2, 1):
        progress(f"scoring {patients // share} patients", 1.0 - share / 10.0)
        own, attacks = (frame[frame["person"] < patients // share] for frame in (visits, relapses))
        seconds = {name: _seconds(own, attacks, Convention.named(name)) for name in definitions}
        taken.append((len(own), seconds[definitions[0]]))
        sizes.append({"patients": patients // share, "visits": len(own), "relapses": len(attacks), "seconds": seconds})
    (few, short), (many, long) = taken[0], taken[-1]
    return {
        "what": "CDW, CDI and PIRA/RAW labels of simulated courses, one process",
        "peer": "pymsprog 1.0.7, not installed here: scripts/against_pymsprog.py states the ratio",
        "sizes": sizes,
        "growth": round(float(np.log(long / short) / np.log(many / few)), 2),
        "under_a_minute": long < _LIMIT_S,
    }


def _seconds(visits: pd.DataFrame, relapses: pd.DataFrame, convention: Convention) -> float:
    person, day, edss = (visits[name].to_numpy() for name in ("person", "day", "edss"))
    fallen, fall_day = relapses["person"].to_numpy(), relapses["day"].to_numpy()
    begun = time.perf_counter()
    score_cohort(person, day, edss, fallen, fall_day, convention)
    return round(time.perf_counter() - begun, 4)


def _courses(patients: int, progress: Report) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Visits and relapses, simulated in parts so that memory holds no more than one part's other tables."""
    from clams_dash.cohort.simulate import simulate_cohort

    visits: list[pd.DataFrame] = []
    relapses: list[pd.DataFrame] = []
    for part, first in enumerate(range(0, patients, _AT_ONCE)):
        progress(f"simulating patients {first + 1} to {min(first + _AT_ONCE, patients)}", 0.1 * first / patients)
        frames = simulate_cohort(min(_AT_ONCE, patients - first), part + 1)
        number = pd.Series(range(first, patients)[: len(frames["patient"])], index=frames["patient"]["patient_id"])
        for table, into in (("visit", visits), ("relapse", relapses)):
            rows = frames[table]
            days = rows["date"].to_numpy("datetime64[D]").astype(np.int64)
            plain = pd.DataFrame({"person": rows["patient_id"].map(number).to_numpy(np.int64), "day": days})
            into.append(plain.assign(edss=rows["edss"].to_numpy(np.float64)) if table == "visit" else plain)
    seen = pd.concat(visits, ignore_index=True).dropna(subset=["edss"])
    return seen, pd.concat(relapses, ignore_index=True)
