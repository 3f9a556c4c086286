"""A small made-up cohort for the tests of the response model: known risk factors, known drug effects, confounding."""

from __future__ import annotations

import numpy as np
import pandas as pd

ARMS = ("none", "interferon_beta_1a_sc", "dimethyl_fumarate", "fingolimod", "natalizumab", "ocrelizumab", "ofatumumab")
RELAPSE_RATIO = {"none": 1.0, "interferon_beta_1a_sc": 0.7, "dimethyl_fumarate": 0.55, "fingolimod": 0.45,
                 "natalizumab": 0.3, "ocrelizumab": 0.3, "ofatumumab": 0.3}  # fmt: skip
START = np.datetime64("2008-01-01")
YEARS = 10.0


def _days(numbers: list[float]) -> np.ndarray:
    return (START + np.array(numbers, dtype="float64").astype("timedelta64[D]")).astype("datetime64[ns]")


def small_cohort(patients: int = 300, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Tables patient, visit, relapse, treatment, clinical_fact, lab and mri of a synthetic cohort."""
    random = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in ("patient", "visit", "relapse", "treatment", "lab",
                                                                     "mri", "clinical_fact")}  # fmt: skip
    for number in range(patients):
        _one_person(f"p{number:05d}", random, rows)
    frames = {name: pd.DataFrame(found) for name, found in rows.items()}
    for frame in frames.values():
        for column in frame.columns:
            if column.endswith("date"):
                frame[column] = pd.to_datetime(frame[column])
    return frames


def _one_person(patient: str, random: np.random.Generator, rows: dict[str, list[dict[str, object]]]) -> None:
    frailty = random.gamma(2.0, 0.5)
    age = random.uniform(20, 50)
    female = random.random() < 0.7
    rows["patient"].append(
        {
            "patient_id": patient,
            "sex": "female" if female else "male",
            "birth_date": _days([-age * 365.25])[0],
            "onset_date": _days([-random.uniform(100, 3000)])[0],
            "diagnosis_date": _days([-60.0])[0],
            "course": "RRMS",
            "centre": "A",
        }
    )
    rows["clinical_fact"].append(
        {
            "patient_id": patient,
            "date": _days([0.0])[0],
            "kind": "bmi",
            "value": f"{random.normal(25, 4):.1f}",
            "unit": "kg/m2",
        }
    )
    follow_up = YEARS * 365.25 if random.random() < 0.7 else random.uniform(2, YEARS) * 365.25
    edss, arm, recent, half_years = float(random.integers(2, 8)) / 2, "none", 0, 0
    while half_years * 182.6 < follow_up:
        day = half_years * 182.6 + float(random.integers(0, 20))
        rows["visit"].append({"patient_id": patient, "date": _days([day])[0], "edss": _shown(edss, random)})
        if half_years % 2 == 0:
            _scan(patient, day, frailty, arm, random, rows)
        if random.random() < (0.35 if recent else 0.06):
            arm = _switch(patient, day, arm, recent, random, rows)
        recent = int(random.poisson(0.35 * frailty * RELAPSE_RATIO[arm] * (1.5 if age < 32 else 0.9)))
        for _ in range(min(recent, 1)):
            rows["relapse"].append(
                {"patient_id": patient, "date": _days([day + random.uniform(30, 160)])[0], "severity": "moderate"}
            )
        if random.random() < 0.02 + 0.0015 * (age - 20) * (0.6 if arm in ("natalizumab", "ocrelizumab") else 1.0):
            edss = min(edss + 1.0, 9.0)
        half_years += 1
        age += 0.5


def _shown(edss: float, random: np.random.Generator) -> float:
    shown = edss + random.choice([-0.5, 0.0, 0.5], p=[0.08, 0.84, 0.08])
    return float(max(shown, 1.0))


def _scan(patient, day, frailty, arm, random, rows) -> None:
    new = int(random.poisson(1.2 * frailty * RELAPSE_RATIO[arm]))
    scan_day = _days([day + 5])[0]
    rows["mri"].append(
        {
            "study_id": f"{patient}-{int(day)}",
            "patient_id": patient,
            "date": scan_day,
            "region": "brain",
            "new_t2": new,
            "gd_lesions": int(random.random() < 0.2 * frailty),
            "t2_volume_ml": 3 + 4 * frailty,
            "t2_count": 10 + int(10 * frailty),
        }
    )
    rows["lab"].append({"patient_id": patient, "date": scan_day, "analyte": "nfl", "unit": "pg/mL",
                        "value": float(np.exp(random.normal(2.1 + 0.2 * new, 0.4)))})  # fmt: skip


def _switch(patient, day, arm, recent, random, rows) -> str:
    chances = np.array([0.0, 2.0, 2.0, 2.0, 1.0 + 2 * recent, 1.5 + 2 * recent, 0.4])
    chances[ARMS.index(arm)] = 0.0
    chosen = str(random.choice(ARMS, p=chances / chances.sum()))
    if arm != "none":
        rows["treatment"][-1]["stop_date"] = _days([day])[0]
    rows["treatment"].append({"patient_id": patient, "dmt": chosen, "start_date": _days([day + 7])[0],
                              "stop_date": pd.NaT, "stop_reason": None})  # fmt: skip
    return chosen
