"""A centre's own values in the pool's notation: dates, decimal commas, units, codes.

What does not follow the mapping stays as the source has it, so that the checks set the row aside and show it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import pandas as pd

from clams_dash.ingest.mapping.model import EXCEL_DAYS
from clams_dash.ingest.normalise import times
from clams_dash.ingest.parse import is_blank

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?")
_COMMA_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?")
_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a calendar day
_EXCEL_FIRST, _EXCEL_LAST = 61, 73050  # 1 March 1900 (earlier days are off by one in Excel) to the end of 2099


def date_reader(date_format: str) -> Callable[[object], object]:
    """Give a reader from a date format (``%d.%m.%Y``, or ``excel`` for day numbers) to ``YYYY-MM-DD``.

    A date already written that way, as typed cells of Excel and Parquet give it, is taken as it is.
    """

    def read(value: object) -> object:
        if is_blank(value) or not isinstance(value, str):
            return value
        text = value.strip()
        if _ISO.fullmatch(text):
            return text
        if date_format == EXCEL_DAYS:
            return _from_excel_days(text) or value
        try:
            return datetime.strptime(text, date_format).date().isoformat()  # noqa: DTZ007 - a calendar day
        except ValueError:
            return value

    return read


def _from_excel_days(text: str) -> str | None:
    try:
        days = float(text)
    except ValueError:
        return None
    if not _EXCEL_FIRST <= days <= _EXCEL_LAST:
        return None
    return (_EXCEL_EPOCH + timedelta(days=int(days))).date().isoformat()


def with_point(value: object) -> object:
    """Turn a number with decimal comma (``1.234,5``) into one with decimal point; anything else stays."""
    if isinstance(value, str) and _COMMA_NUMBER.fullmatch(value.strip()):
        return value.strip().replace(".", "").replace(",", ".")
    return value


def recoded(column: pd.Series, words: Mapping[str, str]) -> pd.Series:
    """Replace codes by the pool's words: exactly, or else without regard to case; ``1`` is also ``1.0``."""
    loose = {code.strip().casefold(): word for code, word in words.items()}

    def read(value: object) -> object:
        text = str(value).strip()
        return words.get(text, loose.get(text.casefold(), loose.get(text.removesuffix(".0"), value)))

    return column.map(read, na_action="ignore")


def scaled(column: pd.Series, factor: float) -> pd.Series:
    """Multiply the numbers of a raw column."""
    return column.map(lambda value: times(value, factor))
