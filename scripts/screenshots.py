"""Take the README's pictures from a running app (``clams serve``) at 1366 x 768, or any other pages and sizes.

    python scripts/screenshots.py --real cs-patient19 --synthetic P-0005
    python scripts/screenshots.py --page /case/P-0007 --size 1920x1080 --out /tmp/shots

Waits until the course and every MRI plane are drawn; fails on console errors. Needs Chromium (``CLAMS_CHROMIUM`` or on
the PATH).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
DOCS = Path(__file__).resolve().parents[1] / "docs" / "screenshots"


def main() -> int:
    """Take the pictures; 1 when the console had errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8050")
    parser.add_argument("--out", type=Path, default=DOCS)
    parser.add_argument("--size", default="1366x768")
    parser.add_argument("--real", help="case with real scans, saved as consultation-real.png")
    parser.add_argument("--synthetic", help="synthetic case, saved as consultation-synthetic.png")
    parser.add_argument("--page", action="append", default=[], help="any other address, such as /case/P-0007")
    options = parser.parse_args()
    wanted = {name: f"/case/{case}" for name, case in
              (("consultation-real", options.real), ("consultation-synthetic", options.synthetic)) if case}  # fmt: skip
    if wanted:
        wanted["case-list"] = "/"
    wanted |= {page.strip("/").replace("/", "-") or "list": page for page in options.page}
    width, height = (int(part) for part in options.size.split("x"))
    options.out.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        for name, address in wanted.items():
            page.goto(options.url + address)
            _wait(page, address)
            page.screenshot(path=options.out / f"{name}.png")
            print(f"{options.out / name}.png")
        browser.close()
    for fault in faults:
        print(f"console: {fault}", file=sys.stderr)
    return 1 if faults else 0


def _chromium() -> str | None:
    return os.environ.get("CLAMS_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "google-chrome"))), None
    )


def _wait(page: Page, address: str) -> None:
    if address == "/":
        page.wait_for_selector(".ag-row .clams-case-link")
    else:
        page.wait_for_selector("#consultation-timeline .main-svg")
        if page.locator(".clams-mri").count():
            page.wait_for_selector("[data-slot=current][data-ready=true]")
    page.wait_for_function("document.fonts.status === 'loaded'")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


if __name__ == "__main__":
    sys.exit(main())
