"""A Chromium for the browser tests. It is found or installed, never skipped: these tests guard left and right."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome")


class ChromiumMissing(Exception):
    """No Chromium on this machine and none could be installed."""


def find_chromium() -> str:
    """Path of a Chromium: CLAMS_CHROMIUM, one on PATH, one from apt, or Playwright's own.

    Raises
    ------
    ChromiumMissing
        When none is there and none could be installed.
    """
    named = os.environ.get("CLAMS_CHROMIUM")
    if named:
        if shutil.which(named):
            return named
        raise ChromiumMissing(f"CLAMS_CHROMIUM names {named}, which cannot be run")
    return _on_path() or _from_apt() or _from_playwright()


def _on_path() -> str | None:
    return next((path for path in map(shutil.which, _NAMES) if path), None)


def _from_apt() -> str | None:
    if not Path("/etc/debian_version").exists() or os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]):
        if subprocess.run(command, env=environment, capture_output=True, check=False).returncode != 0:
            return None
    return _on_path()


def _from_playwright() -> str:
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if result.returncode != 0 or not Path(path).exists():
        raise ChromiumMissing(
            "the browser tests need Chromium: install it (Debian: apt-get install chromium), or set CLAMS_CHROMIUM to "
            f"its path; `playwright install chromium` said: {result.stderr.strip()[-400:]}"
        )
    return path
