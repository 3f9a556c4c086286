"""The generator is frozen: one digest over its sources and parameters, kept in ``data/effects/frozen.sha256``.

Models are scored against cohorts of this generator. Tuning it to a model would make the score worthless, so a change
needs a new digest, in a commit of its own that says why, and all scores anew (``python -m clams_dash.cohort.frozen``
prints it). The drawing of phantom MRI is not part of it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from clams_dash.cohort.sections import EFFECTS_DIR

FROZEN_FILE = EFFECTS_DIR / "frozen.sha256"
_SOURCES = Path(__file__).parent
_APART = ("phantom", "published_effects.csv", FROZEN_FILE.name)
"""how scans are drawn, and what only the response model reads"""


def generator_files() -> list[Path]:
    """Sources and parameter files the digest covers, in a fixed order."""
    found = [*_SOURCES.rglob("*.py"), *EFFECTS_DIR.glob("*.csv"), *EFFECTS_DIR.glob("*.toml")]
    kept = [file for file in found if not file.name.startswith(_APART)]
    return sorted(kept, key=lambda file: (file.suffix, file.parent.name, file.name))


def generator_digest() -> str:
    """SHA-256 over names and contents, whatever the line endings of the checkout."""
    total = hashlib.sha256()
    for file in generator_files():
        text = file.read_bytes().replace(b"\r\n", b"\n")
        total.update(f"{file.parent.name}/{file.name}\n".encode() + hashlib.sha256(text).digest())
    return total.hexdigest()


def frozen_digest() -> str:
    """The digest on file."""
    return FROZEN_FILE.read_text(encoding="utf-8").split()[0]


if __name__ == "__main__":
    print(generator_digest())  # noqa: T201 - it is a command
