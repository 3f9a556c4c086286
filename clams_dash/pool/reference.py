"""The pool's people as a reference cohort: arrays for ranks and percentile bands."""

from __future__ import annotations

from typing import Literal

import numpy as np

from clams_dash.model.reference import ReferencePoints
from clams_dash.pool.database import Database

Measure = Literal["edss", "lesion_volume", "nfl"]
REFERENCE_PEOPLE = 10_000
"""People of each kind and measure that stand for all of them: a percentile of a band, seen in some 1,000 people at a
point, is then within 2.6 percentile points of the whole pool's in 9 of 10 cases, and takes as long in any pool."""


def reference_points(database: Database, measure: Measure, *, synthetic: bool) -> ReferencePoints:
    """Measurements of EDSS, T2 lesion volume (ml) or sNfL (pg/mL), of the synthetic people or of all others.

    The two kinds are never mixed: a simulated cohort is no reference for a real person. Of more than
    ``REFERENCE_PEOPLE`` people with the measure a fixed random sample of so many stands for all (``of_people``).
    """
    frame = database.named_frame("reference_points", [measure, synthetic])
    return ReferencePoints(
        person=frame["person"].to_numpy(dtype=np.int64),
        age=frame["age"].to_numpy(dtype=np.float64, na_value=np.nan),
        duration=frame["duration"].to_numpy(dtype=np.float64, na_value=np.nan),
        value=frame["value"].to_numpy(dtype=np.float64),
        of_people=int(frame["of_people"].iloc[0]) if len(frame) else 0,
    )
