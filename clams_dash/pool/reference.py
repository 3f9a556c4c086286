"""The pool's people as a reference cohort: arrays for ranks and percentile bands."""

from __future__ import annotations

from typing import Literal

import numpy as np

from clams_dash.model.reference import ReferencePoints
from clams_dash.pool.database import Database

Measure = Literal["edss", "lesion_volume", "nfl"]


def reference_points(database: Database, measure: Measure, *, synthetic: bool) -> ReferencePoints:
    """Every measurement of EDSS, T2 lesion volume (ml) or sNfL (pg/mL), of the synthetic people or of all others.

    The two kinds are never mixed: a simulated cohort is no reference for a real person.
    """
    frame = database.named_frame(f"reference_{measure}", [synthetic])
    return ReferencePoints(
        person=frame["person"].to_numpy(dtype=np.int64),
        age=frame["age"].to_numpy(dtype=np.float64, na_value=np.nan),
        duration=frame["duration"].to_numpy(dtype=np.float64, na_value=np.nan),
        value=frame["value"].to_numpy(dtype=np.float64),
    )
