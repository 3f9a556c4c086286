"""The reference cohort as arrays: one entry per measurement, for ranks and percentile bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ReferencePoints:
    """Measurements of many people (all arrays of one length, NaN = not known).

    ``person`` numbers the people; ``age`` and ``duration`` are years at the measurement, since birth and since onset.
    ``of_people`` people had the measure: more than are numbered where these are a sample (None = not counted).
    """

    person: IntArray
    age: FloatArray
    duration: FloatArray
    value: FloatArray
    of_people: int | None = None

    def __len__(self) -> int:
        return len(self.person)
