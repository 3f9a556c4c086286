"""Which patients a model is scored on and never fitted to, so that every part of the system draws the same line."""

from __future__ import annotations

import hashlib

HELD_OUT_SHARE = 0.3


def held_out(patient_id: str) -> bool:
    """Whether a patient is held out: three in ten, by the pseudonym alone, on any machine and in any pool."""
    digest = hashlib.sha256(f"held out: {patient_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") < HELD_OUT_SHARE * 2**32
