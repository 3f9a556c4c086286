"""Guesses for a draft: which column of the pool a header means, which word a code, which format the dates.

Where two answers fit, none is given: a day and a month must not be swapped by a guess.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from clams_dash.ingest.mapping.convert import date_reader
from clams_dash.ingest.mapping.model import EXCEL_DAYS, UNDECIDED
from clams_dash.ingest.normalise import analyte_word, therapy_word
from clams_dash.model import catalogues

DATE_FORMATS = (
    "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d",
    "%d %b %Y", "%d-%b-%Y", "%m/%Y", "%m.%Y", "%Y", EXCEL_DAYS,
)  # fmt: skip
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_UNIT_IN_HEADER = re.compile(r"\s*[\[(]([^\])]+)[\])]\s*$")


def words_of(text: str) -> str:
    """A header or code as plain words: lower case, no accents, umlauts spelled out, anything else a space."""
    text = text.casefold()
    for umlaut, spelled in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        text = text.replace(umlaut, spelled)
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain).split())


def split_unit(header: str) -> tuple[str, str | None]:
    """A header and the unit it names in brackets: ``ALT [U/L]`` is ``ALT`` and ``U/L``."""
    match = _UNIT_IN_HEADER.search(header)
    return (header[: match.start()], match.group(1)) if match else (header, None)


@lru_cache(maxsize=1)
def _column_words() -> dict[tuple[str, str], frozenset[str]]:
    rows = catalogues.read_rows(catalogues.CATALOGUE_DIR / "column_words.csv")
    return {
        (row["table"], row["column"]): frozenset({words_of(row["column"]), *map(words_of, row["words"].split(";"))})
        for row in rows
    }


def column_for(table: str, column: str, headers: Iterable[str]) -> str | None:
    """The header that means a column of the pool; None when none does, or several do."""
    known = _column_words()
    wanted = known.get((table, column)) or known.get(("*", column)) or frozenset({words_of(column)})
    found = [header for header in headers if words_of(split_unit(header)[0]) in wanted]
    return found[0] if len(found) == 1 else None


def analyte_for(header: str) -> str | None:
    """The analyte a column of a wide table holds, by its name, label or LOINC code."""
    word = analyte_word(split_unit(header)[0].strip())
    return str(word) if word in catalogues.analytes() else None


@lru_cache(maxsize=1)
def _value_words() -> dict[tuple[str, str], str]:
    rows = catalogues.read_rows(catalogues.CATALOGUE_DIR / "value_words.csv")
    return {(row["column"], words_of(word)): row["value"] for row in rows for word in row["words"].split(";")}


def word_for(column: str, code: str) -> str:
    """The pool's word for a centre's code, or ``UNDECIDED``."""
    if column in ("dmt", "analyte"):
        known = catalogues.dmts() if column == "dmt" else catalogues.analytes()
        word = str(therapy_word(code) if column == "dmt" else analyte_word(code))
        return word if word in known else UNDECIDED
    return _value_words().get((column, words_of(code)), UNDECIDED)


def date_format(values: Iterable[str]) -> str | None:
    """The one format all dates follow: None when they are ``YYYY-MM-DD``, ``UNDECIDED`` when none or several fit."""
    texts = {text.strip() for text in values if text.strip()}
    foreign = [text for text in texts if not _ISO.match(text)]
    if not foreign:
        return None
    fitting = [form for form in DATE_FORMATS if all(_reads(form, text) for text in foreign)]
    return fitting[0] if len(fitting) == 1 else UNDECIDED


def _reads(form: str, text: str) -> bool:
    if form == EXCEL_DAYS and not re.match(r"\d{5}", text):  # a year, or a day before 1927
        return False
    return date_reader(form)(text) != text


def has_decimal_comma(values: Iterable[str]) -> bool:
    """Whether numbers are written with a decimal comma and none with a point."""
    texts = [text.strip() for text in values]
    comma = any(re.fullmatch(r"[+-]?\d+,\d+", text) for text in texts)
    return comma and not any(re.fullmatch(r"[+-]?\d+\.\d+", text) for text in texts)
