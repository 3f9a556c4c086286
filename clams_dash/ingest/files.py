"""Writing files of the imaging folder in one step: a killed import leaves no half file under a name that counts."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path


def store_file(source: Path, target: Path) -> None:
    """Copy a file unless it is there: names are digests of contents."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f".{target.name}-{secrets.token_hex(6)}")
    try:
        shutil.copyfile(source, staged)
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)


def store_bytes(data: bytes, target: Path) -> None:
    """Write a file, replacing one of the name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f".{target.name}-{secrets.token_hex(6)}")
    try:
        staged.write_bytes(data)
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)
