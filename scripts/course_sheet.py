"""A page of twelve courses as the consultation draws them, to be looked at by somebody who follows people with MS.

    python scripts/course_sheet.py --out courses.png [--pool data/pool] [--case P-0007 ...] [--patients 12]

Takes the cases with images first, then the rest of the list of cases. The figures are those of the app
(``web/figures/timeline.py``); a headless Chromium draws them (``CLAMS_CHROMIUM`` or on the PATH).
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright
from plotly.offline import get_plotlyjs

from clams_dash.clinical import case_words
from clams_dash.config import default_pool_dir
from clams_dash.model.records import Case
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.web.figures.timeline import timeline

_WIDE, _HIGH, _COLUMNS = 760, 520, 3
_STYLE = (
    "body{margin:0;background:#f6f8fa;font-family:Inter,sans-serif;color:#0f1b2d}"
    f"main{{display:grid;grid-template-columns:repeat({_COLUMNS},{_WIDE}px);gap:12px;padding:12px}}"
    "section{background:#fff;border:1px solid #dfe5ec;padding:6px}h2{font-size:13px;margin:2px 8px}"
)


def heading(case: Case) -> str:
    """Who it is, in the words of the consultation's header."""
    day = case.last_date()
    facts = [
        case_words.person(case.patient, day),
        case_words.course(case.patient, day),
        case_words.present_therapy(case, day),
    ]
    return f"{case.patient.patient_id} · {' · '.join(facts)} · {case_words.edss(case, day)[0]}"


def sheet(chosen: list[Case]) -> str:
    """One HTML page with the courses, which asks no other host."""
    parts = [f"<title>Courses</title><style>{_STYLE}</style><script>{get_plotlyjs()}</script><main>"]
    for number, case in enumerate(chosen):
        figure = timeline(case, None).update_layout(width=_WIDE - 14, height=_HIGH - 30)
        drawn = figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"course-{number}")
        parts.append(f"<section><h2>{heading(case)}</h2>{drawn}</section>")
    return "<!doctype html><meta charset='utf-8'>" + "".join(parts) + "</main>"


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pool", type=Path, default=default_pool_dir())
    parser.add_argument("--case", action="append", default=[], help="a pseudonym; may be given several times")
    parser.add_argument("--patients", type=int, default=12)
    wanted = parser.parse_args()
    database = Database(PoolFolder(wanted.pool))
    names = wanted.case or [row.patient_id for row in cases.case_page(database, rows=wanted.patients)[0]]
    chosen = [cases.load_case(database, name) for name in names]
    chromium = os.environ.get("CLAMS_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "google-chrome"))), None
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": _COLUMNS * (_WIDE + 12) + 24, "height": 800})
        page.set_content(sheet(chosen))
        page.wait_for_function(f"document.querySelectorAll('.main-svg').length >= {len(chosen)}")
        page.screenshot(path=wanted.out, full_page=True)
        browser.close()
    print(wanted.out)


if __name__ == "__main__":
    main()
