"""Runs pymsprog over courses given as files. Only for the environment ``scripts/against_pymsprog.py`` makes.

python pymsprog_worker.py FOLDER reads visits.csv (person, day, edss), relapses.csv (person, day) and options.json
(name -> arguments of MSprog) and writes one events-NAME.csv each, and seconds.json. Where visits.csv is missing, both
files are first written from pymsprog's own example data.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
from pymsprog import MSprog, load_toy_data

COLUMNS = {
    "person": "person",
    "event_type": "kind",
    "CDW_type": "label",
    "bl_date": "reference_day",
    "bl_value": "reference_edss",
    "date": "onset_day",
    "value": "onset_edss",
}


def step_above_5_5(reference: float) -> float:
    """Threshold convention B (clinical.md 1.2); pymsprog's own is A."""
    return 1.5 if reference == 0 else 1.0 if reference <= 5.5 else 0.5


def write_example(folder: Path) -> None:
    """Write pymsprog's example data as the two files."""
    visits, relapses = load_toy_data()
    for frame in (visits, relapses):
        frame["day"] = (pd.to_datetime(frame["date"]) - pd.Timestamp("1970-01-01")).dt.days
    visits = visits.rename(columns={"id": "person", "EDSS": "edss"}).dropna(subset=["edss"])
    visits[["person", "day", "edss"]].to_csv(folder / "visits.csv", index=False)
    relapses.rename(columns={"id": "person"})[["person", "day"]].to_csv(folder / "relapses.csv", index=False)


def main(folder: Path) -> None:
    """Run every option set."""
    if not (folder / "visits.csv").exists():
        write_example(folder)
    visits, relapses = pd.read_csv(folder / "visits.csv"), pd.read_csv(folder / "relapses.csv")
    seconds = {}
    for name, given in json.loads((folder / "options.json").read_text()).items():
        arguments = dict(given)
        if arguments.pop("threshold") == "B":
            arguments["delta_fun"] = step_above_5_5
        arguments["conf_tol_days"] = [float(days) for days in arguments["conf_tol_days"]]
        if "require_sust_days" in arguments:
            arguments["require_sust_days"] = float(arguments["require_sust_days"])
        begun = time.process_time()
        _, results = MSprog(
            visits, "person", "edss", "day", "edss", relapse=relapses, date_format="day", RAW_PIRA=True,
            include_dates=True, include_value=True, verbose=0, **arguments,
        )  # fmt: skip
        seconds[name] = time.process_time() - begun
        confirmed = f"conf{arguments['conf_days']}_date"
        wanted = COLUMNS | {confirmed: "confirmed_day", f"PIRA_{confirmed}": "pira_day"}
        events = results[results["nevent"] > 0] if "nevent" in results else results
        events.reindex(columns=list(wanted)).rename(columns=wanted).to_csv(folder / f"events-{name}.csv", index=False)
    (folder / "seconds.json").write_text(json.dumps(seconds))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
