"""Phantom MRI for some persons of a simulated cohort: NIfTI files, and tables that agree with what is on disk."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from clams_dash.cohort.phantom_drawing import DrawnPatient, draw_patient
from clams_dash.cohort.phantom_parameters import load_phantom_parameters
from clams_dash.cohort.phantom_stories import Chosen, choose_stories
from clams_dash.errors import ClamsError
from clams_dash.pool.background import end_with_parent

Frames = dict[str, pd.DataFrame]


def plan_phantoms(frames: Frames, scans: int) -> list[Chosen]:
    """Choose the persons to draw, the three stories of the kiosk first, before any work is done."""
    load_phantom_parameters()
    if scans < 0:
        raise ClamsError(f"the number of patients with phantom scans must not be negative; {scans} given")
    return choose_stories(frames, scans) if scans else []


def draw_patients(
    mri: pd.DataFrame, chosen: list[Chosen], seed: int, folder: Path, processes: int = 1
) -> Iterator[DrawnPatient]:
    """Draw persons under ``folder``, in their order, each given as soon as its files are there.

    The same seed gives the same files, whatever ``processes``.
    """
    own = [(mri[mri["patient_id"] == person.patient_id], person) for person in chosen]
    if processes <= 1 or len(chosen) <= 1:
        for rows, person in own:
            yield draw_patient(rows, person, seed, folder)
        return
    workers = min(processes, len(chosen))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
        try:
            for drawing in [pool.submit(draw_patient, rows, person, seed, folder) for rows, person in own]:
                yield drawing.result()
        finally:
            pool.shutdown(cancel_futures=True)


def with_phantoms(frames: Frames, chosen: list[Chosen], drawn: list[DrawnPatient]) -> Frames:
    """The frames with the rows of the drawn persons' imaged studies, and the table ``series``.

    Persons of ``chosen`` that are not drawn yet have no brain studies so far: these come with their images.
    """
    ordered = _in_order(chosen, drawn)
    mri = frames["mri"]
    brain = mri["region"].fillna("brain") == "brain"
    others = mri[~(mri["patient_id"].isin([person.patient_id for person in chosen]) & brain)]
    rows = pd.concat([others, *(patient.mri for patient in ordered)]).sort_index().reset_index(drop=True)
    return {**frames, "mri": rows.astype(mri.dtypes.to_dict()), "series": _series(ordered)}


def scans_only(chosen: list[Chosen], drawn: list[DrawnPatient]) -> Frames:
    """What the scans of persons add to the frames of :func:`with_phantoms` that had none of them."""
    ordered = _in_order(chosen, drawn)
    return {
        "mri": pd.concat([patient.mri for patient in ordered], ignore_index=True),
        "series": _series(ordered),
    }


def _in_order(chosen: list[Chosen], drawn: list[DrawnPatient]) -> list[DrawnPatient]:
    by_patient = {patient.patient_id: patient for patient in drawn}
    return [by_patient[person.patient_id] for person in chosen if person.patient_id in by_patient]


def _series(ordered: list[DrawnPatient]) -> pd.DataFrame:
    if not ordered:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in ("study_id", "sequence", "path", "space")})
    return pd.concat([patient.series for patient in ordered], ignore_index=True)
