"""Codes of other systems for what the pool knows: SNOMED CT, LOINC, ATC (old and new), RxNorm, ICD-10, names of drugs.

A concept is written ``kind:name``: ``disease:ms``, ``course:RRMS``, ``event:relapse``, ``visit:edss``, ``mri:new_t2``,
``lab:alt``, ``fact:bmi``, ``dmt:natalizumab``, ``procedure:mri_brain``. The table is ``data/catalogues/codes.csv``;
LOINC codes of analytes and ATC codes of therapies stand in their own catalogues and are added here. Readers ask
:func:`concepts_of`, writers :func:`codes_of`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from clams_dash.model import catalogues

SYSTEM_URIS = {
    "snomed": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "atc": "http://www.whocc.no/atc",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "icd10": "http://hl7.org/fhir/sid/icd-10",
    "icd10cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "icd10gm": "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
    "clams": "urn:clams-dash:codes",
}
"""Terminologies by their short names in the table, with the address FHIR knows each by. ``clams`` is the pool's own:
its codes are ``table.column`` (``visit.t25fw_s``) and the entries of the catalogues (``dmt:natalizumab``)."""

_ICD = ("icd10", "icd10cm", "icd10gm")
_UNSURE = " ⚠"


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a terminology; ``system`` is its short name, a key of ``SYSTEM_URIS`` or ``name``."""

    system: str
    code: str
    display: str

    @property
    def uri(self) -> str:
        """Address of the terminology, as FHIR writes it."""
        return SYSTEM_URIS[self.system]


@lru_cache(maxsize=1)
def _table() -> tuple[tuple[str, Code], ...]:
    therapies = [
        (f"dmt:{dmt.dmt}", Code(system, code.removesuffix(_UNSURE), dmt.label))
        for dmt in catalogues.dmts().values()
        for system, code in (
            ("atc", dmt.atc),
            ("atc", dmt.atc_old),
            ("clams", f"dmt:{dmt.dmt}"),
            ("name", dmt.dmt.replace("_", " ")),
        )
        if code is not None
    ]
    analytes = [
        (f"lab:{analyte.analyte}", Code(system, code.removesuffix(_UNSURE), analyte.label))
        for analyte in catalogues.analytes().values()
        for system, code in (("loinc", analyte.loinc), ("clams", f"lab:{analyte.analyte}"))
        if code is not None
    ]
    others = [
        (row["concept"], Code(row["system"], row["code"], row["display"]))
        for row in catalogues.read_rows(catalogues.CATALOGUE_DIR / "codes.csv")
    ]
    return (*therapies, *analytes, *others)


def codes_of(concept: str) -> tuple[Code, ...]:
    """Codes of a concept, the preferred one of each system first; empty when there is none."""
    return tuple(code for own, code in _table() if own == concept and code.system != "name")


@lru_cache(maxsize=1)
def _by_code() -> dict[tuple[str, str], frozenset[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for concept, code in _table():
        found.setdefault((code.system, code.code), set()).add(concept)
    return {key: frozenset(concepts) for key, concepts in found.items()}


def concepts_of(system: str, code: str) -> frozenset[str]:
    """Concepts a code stands for. More than one when it leaves open which (interferon beta-1a, IM or SC).

    Parameters
    ----------
    system
        Short name or FHIR address of the terminology. An ICD-10 code is also found by the longest of its beginnings
        that is known: ``G35.10`` is ``G35.1``, ``G35.9`` is ``G35``.
    """
    short = _short_names().get(system.rstrip("/"), system)
    if short == "clams" and ":" in code:
        return frozenset({code})
    table = _by_code()
    if short not in _ICD:
        return table.get((short, code.strip()), frozenset())
    text = code.strip().upper()
    for length in range(len(text), 2, -1):
        for own in (short, "icd10"):
            if found := table.get((own, text[:length].rstrip("."))):
                return found
    return frozenset()


@lru_cache(maxsize=1)
def _short_names() -> dict[str, str]:
    return {uri: short for short, uri in SYSTEM_URIS.items()} | {"SNOMED-CT": "snomed", "RxNorm": "rxnorm"}


@lru_cache(maxsize=1)
def _drug_names() -> tuple[tuple[re.Pattern[str], str], ...]:
    names = [(code.code, concept.removeprefix("dmt:")) for concept, code in _table() if code.system == "name"]
    longest_first = sorted(names, key=lambda pair: -len(pair[0]))
    return tuple((_as_words(name), dmt) for name, dmt in longest_first if dmt != "none")


def _as_words(name: str) -> re.Pattern[str]:
    words = r"[\s_-]*".join(re.escape(part) for part in re.split(r"[ _-]+", name))
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)


def dmts_named(text: str) -> frozenset[str]:
    """Therapies a text names by INN or brand; the longest name wins (peginterferon is no interferon).

    Examples
    --------
    >>> sorted(dmts_named("Tysabri 300 mg"))
    ['natalizumab']
    """
    return _longest(text, _drug_names())


def _longest(text: str, names: Iterable[tuple[re.Pattern[str], str]]) -> frozenset[str]:
    spans: list[tuple[int, int]] = []
    found: set[str] = set()
    for pattern, dmt in names:
        for match in pattern.finditer(text):
            start, end = match.span()
            if all(end <= low or start >= high or (start, end) == (low, high) for low, high in spans):
                spans.append((start, end))
                found.add(dmt)
    return frozenset(found)


def dmts_of(codes: Iterable[tuple[str, str]], text: str) -> frozenset[str]:
    """Therapies that a drug's codes (system, code) and its text leave possible: none = no therapy of MS known here.

    Where the text names one, it must be among those of the codes, or the text is believed: a wrong number is a likelier
    slip than a wrong name.
    """
    by_code = frozenset(
        concept.removeprefix("dmt:")
        for system, code in codes
        for concept in concepts_of(system, code)
        if concept.startswith("dmt:")
    )
    named = dmts_named(text)
    return (by_code & named) or named or by_code
