"""Phantom MRI for some persons of a simulated cohort: NIfTI files, and tables that agree with what is on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from clams_dash.cohort.phantom_drawing import DrawnPatient, draw_patient
from clams_dash.cohort.phantom_parameters import load_phantom_parameters
from clams_dash.cohort.phantom_stories import Chosen, choose_stories
from clams_dash.errors import ClamsError

Frames = dict[str, pd.DataFrame]
Progress = Callable[[str, float], None]


def add_phantoms(frames: Frames, scans: int, seed: int, folder: Path, progress: Progress, processes: int = 1) -> Frames:
    """Draw phantoms for ``scans`` persons under ``folder`` and return the frames with a ``series`` frame added.

    The chosen persons keep only the brain studies that are imaged; their rows in ``mri`` are corrected so that
    ``t2_count``, ``t2_volume_ml``, ``new_t2`` and ``enlarging_t2`` are what the masks on disk recount to and
    ``gd_lesions`` what was drawn. ``progress`` is told a text and a fraction. The same seed gives the same files,
    whatever ``processes``. Raises ClamsError when there are too few persons, FactsError for impossible parameters.
    """
    chosen = plan_phantoms(frames, scans)
    drawn = []
    for number, patient in enumerate(draw_patients(frames["mri"], chosen, seed, folder, processes), start=1):
        progress(f"phantom MRI of {patient.patient_id} drawn", number / len(chosen))
        drawn.append(patient)
    return with_phantoms(frames, chosen, drawn)


def plan_phantoms(frames: Frames, scans: int) -> list[Chosen]:
    """Choose the persons to draw, the three stories of the kiosk first, before any work is done."""
    load_phantom_parameters()
    if scans < 0:
        raise ClamsError(f"the number of patients with phantom scans must not be negative; {scans} given")
    return choose_stories(frames, scans) if scans else []


def draw_patients(
    mri: pd.DataFrame, chosen: list[Chosen], seed: int, folder: Path, processes: int = 1
) -> Iterator[DrawnPatient]:
    """Draw persons, each given as soon as its files are there; more than one process draws in any order."""
    own = [(mri[mri["patient_id"] == person.patient_id], person) for person in chosen]
    if processes <= 1 or len(chosen) <= 1:
        for rows, person in own:
            yield draw_patient(rows, person, seed, folder)
        return
    with ProcessPoolExecutor(min(processes, len(chosen)), mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(draw_patient, rows, person, seed, folder) for rows, person in own]):
            yield done.result()


def with_phantoms(frames: Frames, chosen: list[Chosen], drawn: list[DrawnPatient]) -> Frames:
    """The frames with the drawn persons' rows: their imaged studies only, and the table ``series``.

    Persons of ``chosen`` that are not drawn yet stay as they were simulated.
    """
    by_patient = {patient.patient_id: patient for patient in drawn}
    ordered = [by_patient[person.patient_id] for person in chosen if person.patient_id in by_patient]
    empty = pd.DataFrame({name: pd.Series(dtype="str") for name in ("study_id", "sequence", "path", "space")})
    if not ordered:
        return {**frames, "series": empty}
    mri = frames["mri"]
    replaced = mri["patient_id"].isin(by_patient) & (mri["region"].fillna("brain") == "brain")
    rows = pd.concat([mri[~replaced], *(patient.mri for patient in ordered)]).sort_index().reset_index(drop=True)
    return {
        **frames,
        "mri": rows.astype(mri.dtypes.to_dict()),
        "series": pd.concat([patient.series for patient in ordered], ignore_index=True),
    }
