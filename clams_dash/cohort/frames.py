"""Arrays to columns of the pool's tables: dates, nullable whole numbers and flags."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def dates(days: NDArray[np.int64], missing: NDArray[np.bool_] | None = None) -> pd.Series:
    """Dates from days since 1970-01-01."""
    values = days.astype("datetime64[D]").astype("datetime64[ns]")
    if missing is not None:
        values[missing] = np.datetime64("NaT")
    return pd.Series(values)


def numbers(values: NDArray[np.float64]) -> pd.Series:
    """Numbers; NaN where not known."""
    return pd.Series(np.asarray(values, dtype=np.float64))


def whole(values: NDArray[np.int64], missing: NDArray[np.bool_] | None = None) -> pd.Series:
    """Whole numbers (``Int64``), NA where missing."""
    absent = np.zeros(len(values), dtype=np.bool_) if missing is None else missing
    return pd.Series(pd.arrays.IntegerArray(np.asarray(values, dtype=np.int64), absent.copy()))


def flags(values: NDArray[np.bool_], missing: NDArray[np.bool_] | None = None) -> pd.Series:
    """Flags (``boolean``), NA where missing."""
    absent = np.zeros(len(values), dtype=np.bool_) if missing is None else missing
    return pd.Series(pd.arrays.BooleanArray(np.asarray(values, dtype=np.bool_), absent.copy()))


def words(values: NDArray[np.object_]) -> pd.Series:
    """Text; None where not known."""
    return pd.Series(values, dtype="str")
