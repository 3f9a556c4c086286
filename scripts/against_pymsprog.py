"""Progression against pymsprog 1.0.7, a published package, as an outside reference in an environment of its own.

uv run python scripts/against_pymsprog.py agree [--patients 2000] [--hypothesis 1000] [--differences FILE.csv]
    Runs both over the synthetic cohort and over courses hypothesis makes, and prints per option set how often they
    agree and how long each took. Exit 1 below 99 %. The classes of difference are explained in docs/progression.md.
uv run python scripts/against_pymsprog.py cohort [--patients 5000]
    Prints CDW, PIRA and RAW per decade of the synthetic cohort as pymsprog finds them, as this project finds them, and
    as they were published.

The environment is made once, in the folder of temporary files; pymsprog is no dependency of the project.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clams_dash.clinical.convention import Convention
from clams_dash.clinical.progression_arrays import LABELS, NO_DAY, CohortEvents, score_cohort
from clams_dash.cohort.simulate import simulate_cohort
from clams_dash.config import PROJECT_ROOT
from clams_dash.model.tables import EDSS_STEPS

ORACLE = ("pymsprog==1.0.7", "numpy==1.26.4", "pandas==2.3.3", "python-dateutil", "pytz", "tzdata")
KEY = ["person", "kind", "onset_day"]
FIELDS = ["label", "reference_day", "reference_edss", "onset_edss", "confirmed_day", "pira_day"]
LEAST_AGREEMENT = 0.99
DAYS_PER_DECADE = 3652.5
FREE = {
    "mueller2023": {"prec": (0, 0), "event": (90, 30), "conf": (90, 30)},
    "mueller2023_hs": {"prec": (0, None), "event": (None, None), "conf": (None, 0)},
    "kappos2020": {"prec": (0, None), "event": (None, 30), "conf": (30, 30)},
    "cagol2022": {"prec": (0, 0), "event": (90, None), "conf": (None, 0)},
    "msbase": {"prec": (0, None), "event": (None, 0), "conf": (30, 0), "prec_type": "last"},
}
"""The definitions in pymsprog's words, written from its documentation and not from this project's data file."""


@dataclass(frozen=True, slots=True)
class Courses:
    """Visits (person, day, edss) and relapses (person, day), days from a common origin."""

    visits: pd.DataFrame
    relapses: pd.DataFrame

    def score(self, convention: Convention) -> CohortEvents:
        """Events as this project finds them."""
        return score_cohort(
            self.visits["person"].to_numpy(np.int64),
            self.visits["day"].to_numpy(np.int64),
            self.visits["edss"].to_numpy(np.float64),
            self.relapses["person"].to_numpy(np.int64),
            self.relapses["day"].to_numpy(np.int64),
            convention,
        )


@dataclass(frozen=True, slots=True)
class OptionSet:
    """The same choices in both languages; ``kind``: only these events are compared (pymsprog gives no others)."""

    name: str
    convention: Convention
    pymsprog: dict[str, object]
    kind: str | None = None


def option_sets() -> list[OptionSet]:
    """What is compared."""
    anywhen = [0, "inf"]
    roving = {"baseline": "roving", "event": "multiple"}
    renewed = {"relapse_rebl": True, "threshold": "A"}
    return [
        _set("mueller2023-24w", "mueller2023", {}, 168, anywhen, roving),
        _set("mueller2023-12w-bounded", "mueller2023", {"tolerance_days": 7, "late_days": 730}, 84, [7, 730], roving),
        _set("mueller2023-B", "mueller2023", {"threshold": "B"}, 168, anywhen, roving),
        _set("mueller2023-sustained", "mueller2023", {"sustained_days": None}, 84, anywhen,
             roving | {"require_sust_days": "inf"}),
        _set("mueller2023_hs-24w", "mueller2023_hs", {}, 168, anywhen, roving),
        _set("cagol2022-24w", "cagol2022", {}, 168, anywhen, roving),
        _set("kappos2020-first-CDW", "kappos2020", {"event": "first"}, 84, anywhen,
             renewed | {"baseline": "fixed", "event": "firstCDW", "bl_geq": True}, "CDW"),
        _set("msbase-24w", "msbase", {}, 168, anywhen, renewed | roving),
        _set("roving-improvement-first-CDW", "mueller2023", {"reference": "roving_improvement", "event": "first"}, 84,
             anywhen, {"baseline": "roving_impr", "event": "firstCDW"}, "CDW"),
        _set("onset-30-days-from-relapse", "mueller2023", {"onset_relapse_days": 30}, 84, anywhen,
             roving | {"relapse_to_event": 30}),
        _set("fixed-first-CDW", "mueller2023", {"reference": "fixed", "event": "first"}, 84, anywhen,
             {"baseline": "fixed", "event": "firstCDW"}, "CDW"),
        _set("fixed-first-CDI", "mueller2023", {"reference": "fixed", "event": "first"}, 84, anywhen,
             {"baseline": "fixed", "event": "firstCDI"}, "CDI"),
    ]  # fmt: skip


def _set(
    name: str,
    pira: str,
    choices: dict[str, object],
    confirm_days: int,
    tolerance: list[object],
    arguments: dict[str, object],
    kind: str | None = None,
) -> OptionSet:
    convention = Convention.named(pira, confirm_days=confirm_days, **choices)
    theirs = {
        "threshold": convention.threshold,
        "conf_days": confirm_days,
        "conf_tol_days": tolerance,
        "relapse_indep": FREE[pira],
    }
    return OptionSet(name, convention, theirs | arguments, kind)


def cohort_courses(patients: int, seed: int) -> tuple[Courses, pd.DataFrame]:
    """Courses of the synthetic cohort, persons numbered as in its patient table, which is returned too."""
    frames = simulate_cohort(patients, seed)
    people = pd.Index(frames["patient"]["patient_id"])
    visits = frames["visit"].dropna(subset=["edss"]).drop_duplicates(["patient_id", "date"])
    return Courses(
        pd.DataFrame(
            {
                "person": people.get_indexer(visits["patient_id"]),
                "day": _days(visits),
                "edss": visits["edss"].to_numpy(),
            }
        ),
        pd.DataFrame({"person": people.get_indexer(frames["relapse"]["patient_id"]), "day": _days(frames["relapse"])}),
    ), frames["patient"]


def _days(frame: pd.DataFrame) -> np.ndarray:
    return frame["date"].to_numpy("datetime64[D]").astype(np.int64)


def hypothesis_courses(count: int) -> Courses:
    """Courses made to be awkward: any EDSS, visits 14 days to 14 months apart, relapses anywhere, before too."""
    visits: list[tuple[int, int, float]] = []
    relapses: list[tuple[int, int]] = []
    near = st.lists(st.tuples(st.integers(14, 420), st.integers(-3, 3)), min_size=2, max_size=16)

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.sampled_from(range(len(EDSS_STEPS))), near, st.sets(st.integers(-200, 3000), max_size=5))
    def make(start: int, course: list[tuple[int, int]], attacks: set[int]) -> None:
        person = visits[-1][0] + 1 if visits else 0
        day, place = 1000, start
        for gap, step in course:
            visits.append((person, day, EDSS_STEPS[place]))
            day += gap
            place = min(max(place + step, 0), len(EDSS_STEPS) - 1)
        relapses.extend((person, 1000 + attack) for attack in sorted(attacks))

    make()
    return Courses(
        pd.DataFrame(visits, columns=["person", "day", "edss"]), pd.DataFrame(relapses, columns=["person", "day"])
    )


def oracle_python() -> Path:
    """The interpreter of pymsprog's environment, made if it is not there."""
    folder = Path(tempfile.gettempdir()) / "clams-oracle-pymsprog-1.0.7"
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not (folder / "complete").exists():
        bundled = PROJECT_ROOT / ".tools" / "bin" / "uv"
        uv = str(bundled) if bundled.exists() else shutil.which("uv")
        if uv is None:
            raise SystemExit("uv is needed to make the environment (see CONTRIBUTING.md)")
        # Outside the project, whose pinned versions are not pymsprog's.
        for command in (
            ["venv", "--clear", "--python", ">=3.11,<3.13", str(folder)],
            ["pip", "install", "--python", str(python), *ORACLE],
        ):
            subprocess.run([uv, *command, "--quiet"], check=True, cwd=tempfile.gettempdir())  # noqa: S603 - our own words
        (folder / "complete").touch()
    return python


def run_pymsprog(
    courses: Courses | None, sets: list[OptionSet]
) -> tuple[Courses, dict[str, pd.DataFrame], dict[str, float]]:
    """The courses, events and seconds by option set; without courses those of pymsprog's example data."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if courses is not None:
            courses.visits.to_csv(folder / "visits.csv", index=False)
            courses.relapses.to_csv(folder / "relapses.csv", index=False)
        (folder / "options.json").write_text(json.dumps({one.name: one.pymsprog for one in sets}))
        worker = PROJECT_ROOT / "scripts" / "pymsprog_worker.py"
        subprocess.run([str(oracle_python()), str(worker), name], check=True)  # noqa: S603 - our own files
        events = {one.name: pd.read_csv(folder / f"events-{one.name}.csv") for one in sets}
        courses = Courses(pd.read_csv(folder / "visits.csv"), pd.read_csv(folder / "relapses.csv"))
        return courses, events, json.loads((folder / "seconds.json").read_text())


def as_frame(events: CohortEvents) -> pd.DataFrame:
    """Events of this project in the columns of the comparison."""
    labels = np.array(LABELS)[events.label]
    return pd.DataFrame(
        {
            "person": events.person,
            "kind": np.where(events.worsening, "CDW", "CDI"),
            "label": labels,
            "reference_day": events.reference_day,
            "reference_edss": events.reference_edss,
            "onset_day": events.onset_day,
            "onset_edss": events.onset_edss,
            "confirmed_day": events.confirmed_day,
            "pira_day": np.where(labels == "PIRA", events.label_day, NO_DAY),
        }
    )


def compared(ours: pd.DataFrame, theirs: pd.DataFrame, kind: str | None) -> pd.DataFrame:
    """Every event of either, both sides beside each other, with ``same``: all fields equal."""
    theirs = theirs.assign(label=theirs["label"].astype(object).fillna(""), pira_day=theirs["pira_day"].fillna(NO_DAY))
    if kind is not None:
        ours, theirs = ours[ours["kind"] == kind], theirs[theirs["kind"] == kind]
    if kind == "CDI":
        theirs = theirs.assign(label="")
    both = ours.merge(theirs, on=KEY, how="outer", suffixes=("_ours", "_theirs"), indicator=True)
    same = both["_merge"] == "both"
    for field in FIELDS:
        same &= both[f"{field}_ours"] == both[f"{field}_theirs"]
    return both.assign(same=same)


def agreement(given: Courses | None, source: str, only: str | None) -> Iterator[pd.DataFrame]:
    """Print a line per option set; gives every event of either with its ``options`` and whether it is the ``same``."""
    sets = [one for one in option_sets() if only in (None, one.name)]
    courses, events, seconds = run_pymsprog(given, sets)
    people = courses.visits["person"].nunique()
    for one in sets:
        begun = time.process_time()
        ours = courses.score(one.convention)
        took = time.process_time() - begun
        both = compared(as_frame(ours), events[one.name], one.kind)
        alike = 1.0 - both.loc[~both["same"], "person"].nunique() / people
        print(
            f"| {source} | {one.name} | {people} | {len(both)} | {both['same'].mean():.2%} | {alike:.2%} "
            f"| {seconds[one.name]:.1f} | {took:.3f} | {seconds[one.name] / took:.0f} |",
            flush=True,
        )
        yield both.assign(source=source, options=one.name)


def agree(patients: int, made: int, differences: Path | None, only: str | None) -> int:
    """The comparison; exit status 1 where an option set agrees on less than 99 % of the events of all courses."""
    print(
        "| courses | options | persons | events of either | events equal | persons equal "
        "| pymsprog CPU s | here CPU s | ratio |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    found = list(agreement(None, "example data of pymsprog", only))
    found += list(agreement(cohort_courses(patients, 1)[0], "cohort", only))
    if made:
        found += agreement(hypothesis_courses(made), "hypothesis", only)
    events = pd.concat(found)
    if differences is not None:
        events[~events["same"]].to_csv(differences, index=False)
    shares = events.groupby("options", sort=False)["same"].mean()
    print("\nall courses together: " + ", ".join(f"{name} {share:.2%}" for name, share in shares.items()))
    return int((shares < LEAST_AGREEMENT).any())


def rates(patients: int) -> int:
    """Events per decade of the synthetic cohort, people with relapsing onset, beside published figures."""
    courses, people = cohort_courses(patients, 1)
    relapsing = np.flatnonzero((people["course"] != "PPMS").to_numpy())
    courses = Courses(
        courses.visits[courses.visits["person"].isin(relapsing)],
        courses.relapses[courses.relapses["person"].isin(relapsing)],
    )
    days = courses.visits.groupby("person")["day"]
    decades = float((days.max() - days.min()).sum()) / DAYS_PER_DECADE
    sets = [one for one in option_sets() if one.kind is None]
    _, events, _ = run_pymsprog(courses, sets)
    print(
        f"{len(relapsing)} persons with relapsing onset, {decades:.0f} decades between first and last EDSS; per decade:"
    )
    print("| options | engine | CDW | PIRA | RAW | neither | CDI | PIRA share of PIRA and RAW |")
    print("|---|---|---|---|---|---|---|---|")
    for one in sets:
        for engine, frame in (("pymsprog", events[one.name]), ("here", as_frame(courses.score(one.convention)))):
            worse = frame[frame["kind"] == "CDW"]
            pira, raw = ((worse["label"] == label).sum() for label in ("PIRA", "RAW"))
            numbers = (len(worse), pira, raw, len(worse) - pira - raw, len(frame) - len(worse))
            shown = " | ".join(f"{number / decades:.3f}" for number in numbers)
            print(f"| {one.name} | {engine} | {shown} | {pira / (pira + raw):.2f} |")
    print("| 360 definitions, MSBase (clinical.md 0, S11) | published | | 0.141 to 0.658 | | | | |")
    print("| multiverse of definitions (clinical.md 0, S4) | published | | | | | | 0.44 to 0.86 |")
    print("| OPERA, share of confirmed accrual (clinical.md 1.3) | published | | | | | | 0.78 to 0.88 |")
    return 0


def main() -> int:
    """Run what was asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["agree", "cohort"])
    parser.add_argument("--patients", type=int)
    parser.add_argument("--hypothesis", type=int, default=1000)
    parser.add_argument("--differences", type=Path)
    parser.add_argument("--only", help="compare this option set alone")
    asked = parser.parse_args()
    if asked.what == "agree":
        return agree(asked.patients or 2000, asked.hypothesis, asked.differences, asked.only)
    return rates(asked.patients or 5000)


if __name__ == "__main__":
    sys.exit(main())
