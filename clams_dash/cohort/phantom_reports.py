"""Reports of the phantom studies in a radiologist's words, some of them in conflict with what the mask shows.

Reading by eye misses new lesions in a good part of pairs that have them (product.md); which reports do so here is
known and written beside the images, never into the tables.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from clams_dash.cohort.phantom_parameters import Reports

TRUTH_FILE = "phantom_truth.json"


@dataclass(frozen=True, slots=True)
class Reading:
    """What there is to report. ``new_t2`` None = nothing to compare with; ``contrast`` None = not known if given."""

    new_t2: int | None
    enlarging_t2: int | None
    gd_lesions: int
    t2_count: int
    contrast: bool | None
    compared_on: date | None
    same_scanner: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A report's text, and how its number of new lesions disagrees with the mask (None = it does not)."""

    text: str
    new_t2: int | None
    conflict: str | None


def write_report(reading: Reading, german: bool, parameters: Reports, rng: np.random.Generator) -> Report:
    """Put a reading into words; with the configured share the number of new lesions is not that of the mask."""
    said, conflict = reading.new_t2, None
    if said is not None and rng.random() < parameters.conflict_share:
        if said == 0:
            said, conflict = 1, "overcalled"
        elif said <= 2 or rng.random() < 0.5:
            said, conflict = 0, "missed"
        else:
            said, conflict = int(rng.integers(1, said)), "fewer"
    sentences = _german(reading, said) if german else _english(reading, said)
    return Report(" ".join(sentences), said, conflict)


def report_conflicts(folder: Path) -> dict[str, str]:
    """Studies under ``folder`` whose report disagrees with the mask: ``overcalled``, ``missed`` or ``fewer``."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob(f"*/{TRUTH_FILE}")):
        for study in json.loads(path.read_text(encoding="utf-8"))["studies"]:
            if study["report_conflict"]:
                found[study["study_id"]] = study["report_conflict"]
    return found


def _english(reading: Reading, said: int | None) -> list[str]:
    load = _by_load(reading.t2_count, ("Single", "Several", "Multiple", "Numerous"))
    sentences = [f"{load} T2/FLAIR hyperintense lesions in a distribution typical of demyelinating disease."]
    if said is None:
        sentences.append("No prior study for comparison.")
    else:
        prior = (
            f"compared with {reading.compared_on:%d %B %Y}" if reading.compared_on else "compared with the prior study"
        )
        number = "No new T2 lesions" if said == 0 else f"{said} new T2 lesion{'s' if said > 1 else ''}"
        sentences.append(f"{number} {prior}.")
        if reading.enlarging_t2:
            sentences.append(f"{reading.enlarging_t2} enlarging.")
        if not reading.same_scanner:
            sentences.append("Different scanner or protocol, comparison limited.")
    if reading.contrast is None:
        return sentences
    if not reading.contrast:
        sentences.append("No contrast given.")
    elif reading.gd_lesions:
        sentences.append(
            f"{reading.gd_lesions} enhancing lesion{'s' if reading.gd_lesions > 1 else ''} after gadolinium."
        )
    else:
        sentences.append("No enhancement after gadolinium.")
    return sentences


def _german(reading: Reading, said: int | None) -> list[str]:
    load = _by_load(reading.t2_count, ("Einzelne", "Mehrere", "Multiple", "Zahlreiche"))
    sentences = [
        f"{load} T2/FLAIR-hyperintense Läsionen in für eine demyelinisierende Erkrankung typischer Verteilung."
    ]
    if said is None:
        sentences.append("Keine Voraufnahmen zum Vergleich.")
    else:
        prior = (
            f"im Vergleich zum {reading.compared_on:%d.%m.%Y}"
            if reading.compared_on
            else "im Vergleich zur Voruntersuchung"
        )
        number = {0: "Keine neuen T2-Läsionen", 1: "1 neue T2-Läsion"}.get(said, f"{said} neue T2-Läsionen")
        sentences.append(f"{number} {prior}.")
        if reading.enlarging_t2:
            sentences.append(f"{reading.enlarging_t2} größenprogredient.")
        if not reading.same_scanner:
            sentences.append("Anderes Gerät oder Protokoll, Vergleich eingeschränkt.")
    if reading.contrast is None:
        return sentences
    if not reading.contrast:
        sentences.append("Keine Kontrastmittelgabe.")
    elif reading.gd_lesions:
        ending = "en" if reading.gd_lesions > 1 else ""
        sentences.append(f"{reading.gd_lesions} kontrastmittelaufnehmende Läsion{ending}.")
    else:
        sentences.append("Keine Kontrastmittelaufnahme.")
    return sentences


def _by_load(count: int, words: tuple[str, str, str, str]) -> str:
    return words[sum(count > limit for limit in (2, 8, 20))]
