"""What a stored radiology report says of new and enlarging T2 lesions and of enhancement, with the sentence quoted.

Simple rules over words (``data/rules/report_words.toml``), English and German. A number is only given where the text
gives one; what is mentioned but not decided is ``unclear`` and never compared with a mask.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from clams_dash.clinical.rule_files import RULES_DIR
from clams_dash.errors import FactsError
from clams_dash.model import catalogues
from clams_dash.model.records import Counted, Scan

WORDS_FILE = RULES_DIR / "report_words.toml"
Kind = Literal["none", "number", "some", "unclear", "not_given", "not_said"]
Topic = Literal["new", "enlarging", "gd"]
TOPICS: tuple[Topic, ...] = ("new", "enlarging", "gd")
_FURTHEST_WORDS = 7
_NEVER = r"(?!)"
_SENTENCE = re.compile(r"(?<=[.!?])(?<!\d\.)\s+|\n+")
_WORD = re.compile(r"[\wäöüß]+")


@dataclass(frozen=True, slots=True)
class Said:
    """What a report says of one topic: its kind, the number where it gives one, and the sentence it stands in."""

    kind: Kind
    number: int | None = None
    sentence: str | None = None


NOT_SAID = Said("not_said")


@dataclass(frozen=True, slots=True)
class ReportReading:
    """A report as read."""

    new: Said
    enlarging: Said
    gd: Said


@dataclass(frozen=True, slots=True)
class ReportConflict:
    """A report that says another number of new lesions than the masks show, with its sentence."""

    said: Said
    masks: Counted
    text: str


@dataclass(frozen=True, slots=True)
class _TopicWords:
    cue: re.Pattern[str]
    needs_lesion: bool
    alone: re.Pattern[str]
    none: re.Pattern[str]
    some: re.Pattern[str]
    unclear: re.Pattern[str]
    not_given: re.Pattern[str]
    one: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class ReportWords:
    """The file as read."""

    lesion: re.Pattern[str]
    clause: re.Pattern[str]
    negation: re.Pattern[str]
    several: re.Pattern[str]
    uncertain: re.Pattern[str]
    earlier: re.Pattern[str]
    part_of: re.Pattern[str]
    measure: re.Pattern[str]
    topics: Mapping[str, _TopicWords]
    numbers: Mapping[str, int]


def load_words(path: Path) -> ReportWords:
    """Read the words. Raises FactsError naming the file and what is wrong in it."""
    raw = catalogues.read_toml(path)
    try:
        common = ("lesion", "clause", "negation", "several", "uncertain", "earlier", "part_of", "measure")
        return ReportWords(
            **{name: re.compile(raw[name]) for name in common},
            topics={topic: _topic(raw[topic]) for topic in TOPICS},
            numbers={word: int(number) for word, number in raw["numbers"].items()},
        )
    except (KeyError, TypeError, ValueError, re.error) as error:
        raise FactsError(f"{path}: not a valid file of report words ({error!r})") from error


def _topic(raw: Mapping[str, Any]) -> _TopicWords:
    optional = ("alone", "none", "some", "unclear", "not_given", "one")
    return _TopicWords(
        cue=re.compile(raw["cue"]),
        needs_lesion=bool(raw["needs_lesion"]),
        **{name: re.compile(raw.get(name, _NEVER)) for name in optional},
    )


@lru_cache(maxsize=1)
def report_words() -> ReportWords:
    """The project's words."""
    return load_words(WORDS_FILE)


def read_report(text: str | None) -> ReportReading:
    """Read a report; everything is ``not_said`` without one."""
    words = report_words()
    found: dict[str, list[Said]] = {topic: [] for topic in TOPICS}
    for sentence in _SENTENCE.split(text or ""):
        plain = words.measure.sub(" ", sentence.lower())
        for clause in words.clause.split(plain):
            for topic in TOPICS:
                if clause and (said := _said(clause, topic, words)) is not None:
                    found[topic].append(Said(said.kind, said.number, sentence.strip()))
    return ReportReading(**{topic: _strongest(found[topic]) for topic in TOPICS})


def _said(clause: str, topic: Topic, words: ReportWords) -> Said | None:
    """What one clause says of a topic; None when it says nothing of it."""
    own = words.topics[topic]
    if own.not_given.search(clause):
        return Said("not_given")
    if words.earlier.search(clause):
        return None
    if own.none.search(clause):
        return Said("none")
    for kind, pattern in (("some", own.some), ("unclear", own.unclear)):
        if pattern.search(clause):
            return Said(kind)  # type: ignore[arg-type]
    cue = own.cue.search(clause)
    if cue is None or (own.needs_lesion and not words.lesion.search(clause) and not own.alone.search(clause)):
        return None
    if words.uncertain.search(clause):
        return Said("unclear")
    return _amount(clause, cue, own, words)


def _amount(clause: str, cue: re.Match[str], own: _TopicWords, words: ReportWords) -> Said:
    """How many a clause says: words before its cue up to the one of another topic, then those after a colon."""
    others = [one.cue.search(clause) for one in words.topics.values() if one is not own]
    ends = [match.end() for match in others if match is not None and match.end() <= cue.start()]
    start = max(ends, default=0)
    share = words.part_of.search(clause, 0, cue.start())
    if share is not None and not own.needs_lesion and _counts(clause[: share.start()], words):
        start = 0
    before = clause[start : cue.start()]
    colon = clause[cue.end() :].partition(":")[2]
    if words.negation.search(clause[: cue.start()] if not _counts(before, words) else before):
        return Said("none")
    if words.negation.search(colon):
        return Said("none")
    for part in (colon, " ".join(_WORD.findall(before)[-_FURTHEST_WORDS:])):
        if words.several.search(part):
            return Said("some")
        numbers = _counts(part, words)
        if numbers and not (own.needs_lesion and words.part_of.search(part)):
            return Said("number", numbers[-1]) if numbers[-1] else Said("none")
    return Said("number", 1) if own.one.search(clause) else Said("some")


def _counts(text: str, words: ReportWords) -> list[int]:
    tokens = _WORD.findall(text)
    return [
        int(one) if one.isdigit() else words.numbers[one] for one in tokens if one.isdigit() or one in words.numbers
    ]


def _strongest(found: list[Said]) -> Said:
    """Of several clauses the one that reports most; a lesion told of anywhere outweighs a "none"."""
    order: tuple[Kind, ...] = ("number", "some", "unclear", "none", "not_given")
    ranked = sorted(found, key=lambda one: (order.index(one.kind), -(one.number or 0)))
    return ranked[0] if ranked else NOT_SAID


def report_conflict(scan: Scan) -> ReportConflict | None:
    """Whether the report's new lesions are not those of the masks; None where either says nothing that can be compared.

    The masks say nothing where the pair is not comparable. A number within what the masks' count may be is no conflict.
    """
    pair = scan.pair
    if pair is None or not pair.comparable or pair.new is None:
        return None
    return conflict_with(read_report(scan.report_text).new, pair.new)


def conflict_with(said: Said, masks: Counted) -> ReportConflict | None:
    """The conflict of what a report says of new lesions with a count from masks, or None."""
    low, high = {
        "none": (0, 0),
        "number": (said.number or 0, said.number or 0),
        "some": (1, 10**6),
    }.get(said.kind, (0, 10**6))
    if low <= masks.high and masks.low <= high:
        return None
    told = {"none": "no new lesion", "some": "new lesions"}.get(said.kind, f"{said.number} new")
    shown = str(masks.value) if masks.low == masks.high else f"{masks.value} ({masks.low} to {masks.high})"
    text = f"the report says {told} (“{said.sentence}”), the masks show {shown}"
    return ReportConflict(said, masks, text)
