"""Words by which a DICOM series is recognised (``data/rules/dicom_series.toml``)."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache

from clams_dash.config import FACTS_DIR
from clams_dash.errors import FactsError

_FILE = FACTS_DIR / "rules" / "dicom_series.toml"


@dataclass(frozen=True, slots=True)
class SeriesRules:
    """Compiled words: series to skip, sequences and regions in the order they are tried, segments that are lesions."""

    skip: tuple[re.Pattern[str], ...]
    sequences: tuple[tuple[re.Pattern[str], str], ...]
    regions: tuple[tuple[re.Pattern[str], str], ...]
    lesion_codes: frozenset[str]
    lesion_words: re.Pattern[str]

    def sequence(self, text: str, *, contrast: bool) -> str | None:
        """Sequence of a series by its description; T1 with a contrast agent in its header is T1 after contrast."""
        if any(pattern.search(text) for pattern in self.skip):
            return None
        found = next((sequence for pattern, sequence in self.sequences if pattern.search(text)), None)
        return "T1W_GD" if found == "T1W" and contrast else found

    def region(self, text: str) -> str:
        """Body region a description names, or ``unknown``."""
        return next((region for pattern, region in self.regions if pattern.search(text)), "unknown")

    def is_lesion(self, codes: frozenset[str], text: str) -> bool:
        """Whether a segment is a lesion, by its property type or its label."""
        return bool(codes & self.lesion_codes) or bool(self.lesion_words.search(text))


@lru_cache(maxsize=1)
def series_rules() -> SeriesRules:
    """The project's rules. Raises FactsError, naming the file, when they cannot be read."""
    try:
        found = tomllib.loads(_FILE.read_text(encoding="utf-8"))
        lesion = found["lesion_segment"]
        return SeriesRules(
            skip=tuple(_words(one) for one in found["skip"]),
            sequences=tuple((_words(one), one["sequence"]) for one in found["sequence"]),
            regions=tuple((_words(one), one["region"]) for one in found["region"]),
            lesion_codes=frozenset(lesion["codes"]),
            lesion_words=_words(lesion),
        )
    except (OSError, KeyError, ValueError, re.error) as error:
        raise FactsError(f"{_FILE}: cannot be used ({error})") from error


def _words(entry: dict[str, str]) -> re.Pattern[str]:
    return re.compile(entry["words"], re.IGNORECASE)
