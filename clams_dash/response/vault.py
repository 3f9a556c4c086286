"""Where trained models lie: one folder per version, every byte accounted for, and a pointer to the one in use.

``<models>/<version>/`` holds files and ``MANIFEST.json`` with the digest of each; the version is derived from the
digest of the manifest, so the name of the folder vouches for all of it. ``<models>/CURRENT`` names the version in use.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clams_dash.errors import ModelError
from clams_dash.pool.folder import write_pointer

MANIFEST = "MANIFEST.json"
POINTER = "CURRENT"
RETRAIN = "train the model again with `clams train`"
_VERSION = re.compile(r"m-[0-9a-f]{20}")
_FILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}\.(json|npy)")
_MAX_FILE_BYTES = 512 * 1024 * 1024
_MAX_MANIFEST_BYTES = 1024 * 1024


def json_bytes(value: object) -> bytes:
    """JSON with sorted keys, the same bytes for the same value."""
    return json.dumps(value, sort_keys=True, indent=1, allow_nan=False).encode()


def json_object(content: bytes, where: Path | str) -> dict[str, Any]:
    """A JSON object. Raises ModelError naming ``where`` for anything else."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{where}: not valid JSON ({error}); {RETRAIN}") from error
    if not isinstance(value, dict):
        raise ModelError(f"{where}: not a JSON object; {RETRAIN}")
    return value


def store(models_dir: Path, files: Mapping[str, bytes], about: Mapping[str, Any]) -> str:
    """Put files and their manifest in place in one step, point ``CURRENT`` at them and return the version.

    Raises ModelError when the folder cannot be written; the version in use before then stays in use.
    """
    listed = {name: {"sha256": hashlib.sha256(files[name]).hexdigest()} for name in sorted(files)}
    manifest = json_bytes({**about, "files": listed})
    version = _version_of(manifest)
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=models_dir))
        try:
            for name, content in {**files, MANIFEST: manifest}.items():
                _write(staging / name, content)
            staging.chmod(0o755)
            target = models_dir / version
            if target.exists():
                shutil.rmtree(target)
            staging.replace(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        write_pointer(models_dir / POINTER, version)
    except OSError as error:
        raise ModelError(
            f"{models_dir}: the model cannot be written ({error.strerror}); check space and rights"
        ) from error
    return version


def current_version(models_dir: Path) -> str | None:
    """The version ``CURRENT`` names; None when no model was trained yet. Raises ModelError when it is no version."""
    pointer = models_dir / POINTER
    try:
        text = pointer.read_text(encoding="utf-8")[:100].strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{pointer}: cannot be read ({error}); {RETRAIN}") from error
    if not _VERSION.fullmatch(text):
        raise ModelError(f"{pointer}: {text!r} is not the name of a model version; {RETRAIN}")
    return text


def retrieve(models_dir: Path, version: str, wanted_format: int) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Manifest and files of a version, all digests checked; nothing is parsed before its digest is right.

    Raises ModelError when a file is missing, unknown or altered, or the format is another.
    """
    if not _VERSION.fullmatch(version):
        raise ModelError(f"{version!r} is not the name of a model version; {RETRAIN}")
    folder = models_dir / version
    content = _read(folder / MANIFEST, _MAX_MANIFEST_BYTES)
    if _version_of(content) != version:
        raise ModelError(f"{folder / MANIFEST}: altered, its digest is not the one in the folder's name; {RETRAIN}")
    manifest = json_object(content, folder / MANIFEST)
    if manifest.get("format") != wanted_format:
        raise ModelError(f"{folder}: format {manifest.get('format')!r}, this software reads {wanted_format}; {RETRAIN}")
    return manifest, _verified(folder, manifest.get("files"))


def _verified(folder: Path, listed: object) -> dict[str, bytes]:
    if not isinstance(listed, dict) or not all(_FILE.fullmatch(name) for name in listed):
        raise ModelError(f"{folder / MANIFEST}: lists a file name that no model has; {RETRAIN}")
    present = {entry.name for entry in folder.iterdir()} - {MANIFEST}
    if present != set(listed):
        odd = ", ".join(sorted(present ^ set(listed)))
        raise ModelError(f"{folder}: files missing from the folder or unknown to its manifest: {odd}; {RETRAIN}")
    files = {}
    for name, entry in listed.items():
        found = _read(folder / name, _MAX_FILE_BYTES)
        if not isinstance(entry, dict) or hashlib.sha256(found).hexdigest() != entry.get("sha256"):
            raise ModelError(f"{folder / name}: altered, its digest is not the one in the manifest; {RETRAIN}")
        files[name] = found
    return files


def _read(path: Path, limit: int) -> bytes:
    """Bytes of a regular file, links not followed."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(handle, "rb") as opened:
            state = os.fstat(opened.fileno())
            if not stat.S_ISREG(state.st_mode) or state.st_size > limit:
                raise ModelError(f"{path}: not a regular file of at most {limit} bytes; {RETRAIN}")
            return opened.read(limit + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); {RETRAIN}") from error


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _version_of(manifest: bytes) -> str:
    return f"m-{hashlib.sha256(manifest).hexdigest()[:20]}"
