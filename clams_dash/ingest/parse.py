"""Raw columns to typed ones. What cannot be read is reported, never guessed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types

from clams_dash.ingest.staging import MISSING_WORDS
from clams_dash.model.tables import Column, Table

_TRUE, _FALSE = frozenset({"true", "1", "yes", "y"}), frozenset({"false", "0", "no", "n"})
_ISO_DATE = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A typed column, which of its rows could not be read, and what was expected there."""

    values: pd.Series
    unreadable: pd.Series
    expected: str


def parse_column(raw: pd.Series, column: Column) -> Parsed:
    """Read a raw column as its kind; unreadable rows become missing and are marked."""
    raw = _missing_to_null(raw)
    parser, expected = _PARSERS[column.kind]
    values = parser(raw)
    return Parsed(values, raw.notna() & values.isna(), expected)


def empty_column(column: Column, index: pd.Index) -> pd.Series:
    """Make a column of missing values of the right kind."""
    return _PARSERS[column.kind][0](pd.Series([None] * len(index), index=index, dtype=object))


def empty_frame(table: Table) -> pd.DataFrame:
    """Make a frame of a table without rows, its columns of the right kinds."""
    none = pd.RangeIndex(0)
    return pd.DataFrame({column.name: empty_column(column, none) for column in table.columns})


def is_blank(value: object) -> bool:
    """Whether a raw value means "not known". A catalogue's own word, such as the recovery ``none``, is a value."""
    if isinstance(value, str):
        return value.strip() in MISSING_WORDS
    return value is None or bool(pd.api.types.is_scalar(value) and pd.isna(value))  # type: ignore[call-overload]


def _missing_to_null(raw: pd.Series) -> pd.Series:
    if isinstance(raw.dtype, pd.StringDtype):
        # Texts repeat: each is looked at once. Raw objects are not hashed, because true, 1 and 1.0 are not told apart.
        codes, found = pd.factorize(raw)
        texts = np.array([None if is_blank(text) else text.strip() for text in found] + [None], dtype=object)
        return pd.Series(texts[codes], index=raw.index, dtype="string")
    if not types.is_object_dtype(raw):
        return raw
    values = [None if is_blank(value) else value.strip() if isinstance(value, str) else value for value in raw]
    return pd.Series(values, index=raw.index, dtype=object)


def _text(raw: pd.Series) -> pd.Series:
    if isinstance(raw.dtype, pd.StringDtype):
        return raw

    def read(value: object) -> str | None:
        return None if isinstance(value, bytes | bytearray | list | dict | np.ndarray) else str(value)

    return raw.map(read, na_action="ignore").astype("string")


def _number(raw: pd.Series) -> pd.Series:
    if types.is_bool_dtype(raw):  # true is no measurement of 1
        return pd.Series(np.nan, index=raw.index)
    numbers: pd.Series = pd.to_numeric(raw, errors="coerce").astype("Float64").astype("float64")
    finite: pd.Series = numbers.where(np.isfinite(numbers))
    return finite


def _whole(raw: pd.Series) -> pd.Series:
    numbers = _number(raw)
    return numbers.where((numbers == np.floor(numbers)) & (numbers.abs() < 2**31)).astype("Int64")


def _flag(raw: pd.Series) -> pd.Series:
    def read(value: object) -> bool | None:
        word = str(value).strip().lower().removesuffix(".0")
        return True if word in _TRUE else False if word in _FALSE else None

    return raw.map(read, na_action="ignore").astype("boolean")


def _date(raw: pd.Series) -> pd.Series:
    if types.is_datetime64_any_dtype(raw):
        naive: pd.Series = raw.dt.tz_localize(None).dt.normalize()
        return naive
    texts = raw.map(lambda value: str(value), na_action="ignore").astype("string")
    whole: pd.Series = texts.where(texts.str.fullmatch(_ISO_DATE).fillna(False).astype(bool)).str.slice(0, 10)
    return pd.to_datetime(whole, format="%Y-%m-%d", errors="coerce")


def _list(raw: pd.Series) -> pd.Series:
    return raw.astype(object)


_PARSERS: dict[str, tuple[Callable[[pd.Series], pd.Series], str]] = {
    "text": (_text, "a text"),
    "number": (_number, "a number with a decimal point"),
    "whole": (_whole, "a whole number"),
    "flag": (_flag, "true or false"),
    "date": (_date, "a date as YYYY-MM-DD"),
    "timestamp": (_date, "a date as YYYY-MM-DD"),
    "wholes": (_list, "a list"),
    "numbers": (_list, "a list"),
}
