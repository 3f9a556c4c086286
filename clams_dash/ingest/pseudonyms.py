"""Pseudonyms on the way in: keyed names for people and studies, one shift of dates per person, free text scrubbed.

The key stays outside the pool; without it a pseudonym leads back to nobody (HMAC-SHA-256). The same key gives the same
pseudonyms again, so corrections find their rows. Pseudonymised data are still personal data.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clams_dash.config import FACTS_DIR
from clams_dash.errors import ImportRefused

FREE_TEXT = FACTS_DIR / "rules" / "free_text.csv"
REMOVED = "[removed]"
MAX_SHIFT_DAYS = 3650
_LEAST_KEY_BYTES = 32
_ID_LETTERS = 16  # 80 bits: no two of a thousand million people share one, by chance, more often than 1 in 2 million
_IDENTIFYING = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}"  # dates
    r"|[\w.+-]+@[\w-]+\.[\w.]+"  # mail addresses
    r"|\+?\d[\d ()/-]{6,}\d"  # telephone and other long numbers
)


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """How people are named in the pool.

    Attributes
    ----------
    key
        Secret bytes; never stored in the pool.
    shift_days
        Dates of a person are moved back by the same 1 to this many days; 0 = not at all.
    words
        Words to take out of free text; None = texts that may name anybody are dropped whole.
    """

    key: bytes
    shift_days: int = 0
    words: frozenset[str] | None = None

    @property
    def key_id(self) -> str:
        """Tells keys apart without giving them away."""
        return self._digest("key id").hex()[:8]

    def patient(self, centre: str, identifier: str) -> str:
        """Pseudonym of a centre's person."""
        return "P" + self._letters("patient", centre, identifier)

    def study(self, centre: str, identifier: str) -> str:
        """Pseudonym of a centre's MRI study."""
        return "S" + self._letters("study", centre, identifier)

    def other(self, kind: str, name: str) -> str:
        """Keyed name of anything else, such as a file named after a person."""
        return f"{kind}-{self._letters(kind, name)[:10]}"

    def days_back(self, pseudonym: str) -> int:
        """Days by which all dates of a person are moved back."""
        if self.shift_days == 0:
            return 0
        return 1 + int.from_bytes(self._digest("shift", pseudonym)[:8], "big") % self.shift_days

    def scrubbed(self, text: str, own: frozenset[str]) -> str:
        """Text without dates, addresses, long numbers, the person's ``own`` identifiers and the listed words."""
        for word in sorted(own | (self.words or frozenset()), key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", REMOVED, text, flags=re.IGNORECASE)
        return _IDENTIFYING.sub(REMOVED, text)

    def _letters(self, *parts: str) -> str:
        return base64.b32encode(self._digest(*parts)).decode()[:_ID_LETTERS]

    def _digest(self, *parts: str) -> bytes:
        return hmac.digest(self.key, "\0".join(parts).encode(), hashlib.sha256)


@lru_cache(maxsize=1)
def free_text() -> dict[tuple[str, str], str]:
    """What happens to each column of free text: ``drop`` or ``scrub``, by table and column."""
    with FREE_TEXT.open(encoding="utf-8", newline="") as handle:
        return {(row["table"], row["column"]): row["action"] for row in csv.DictReader(handle)}


def read_key(file: Path, pool: Path) -> bytes:
    """Read a key. Raises ImportRefused when others may read it, it is short, or it lies in the pool's folder."""
    try:
        content = file.read_bytes().strip()
        mode = file.stat().st_mode
    except OSError as error:
        raise ImportRefused(f"--key {file}: cannot be read ({error.strerror}); `clams key FILE` makes one") from error
    if file.resolve().is_relative_to(pool.resolve()):
        raise ImportRefused(f"--key {file}: lies in the pool's folder; keep it elsewhere, where the pool is not")
    if mode & 0o077:
        raise ImportRefused(f"--key {file}: others may read it; take that right away (chmod 600)")
    if len(content) < _LEAST_KEY_BYTES:
        raise ImportRefused(f"--key {file}: {len(content)} bytes are too few, {_LEAST_KEY_BYTES} are needed")
    return content


def make_key(file: Path) -> None:
    """Write a new random key that only its owner can read. Raises ImportRefused when the file exists."""
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
    except OSError as error:
        raise ImportRefused(f"{file}: a key cannot be written there ({error.strerror})") from error


def read_words(file: Path) -> frozenset[str]:
    """Words to take out of free text, one a line."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ImportRefused(f"--scrub {file}: cannot be read; a UTF-8 text with one word a line is needed") from error
    return frozenset(line.strip() for line in lines if line.strip())
