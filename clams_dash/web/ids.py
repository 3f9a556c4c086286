"""Every component id of the app, in one place. Ids are never made from patient data."""

from __future__ import annotations

from enum import StrEnum


class Shell(StrEnum):
    """The frame around every page."""

    LOCATION = "shell-location"
    CONTENT = "shell-content"
    POOL = "shell-pool"
    NEWS = "shell-news"
    TICK = "shell-tick"
    SEEN = "shell-seen"
    REFRESH = "shell-refresh"


class CaseList(StrEnum):
    """The list of cases."""

    GRID = "case-list-grid"
    SEARCH = "case-list-search"
    COUNT = "case-list-count"


class DataPool(StrEnum):
    """The page of imports and data quality."""

    BATCHES = "data-pool-batches"
    COUNTS = "data-pool-counts"
    FAULTS = "data-pool-faults"
    SHOWN = "data-pool-shown"
    COMPLETENESS = "data-pool-completeness"


class Consultation(StrEnum):
    """The consultation page."""

    PATIENT = "consultation-patient"
    AT = "consultation-at"
    STATE = "consultation-state"
    TIMELINE = "consultation-timeline"
    SPAN = "consultation-span"
    ANCHOR = "consultation-anchor"
    THRESHOLD = "consultation-threshold"
    WEEKS = "consultation-weeks"
    PIRA = "consultation-pira"
    DEFINED = "consultation-defined"
    STUDY = "consultation-study"
    SEQUENCE = "consultation-sequence"
    VIEWER = "consultation-viewer"
    LESIONS = "consultation-lesions"
    LESION_LIST = "consultation-lesion-list"
    CHOSEN_LESION = "consultation-chosen-lesion"
    DISPUTE = "consultation-dispute"


class Mri(StrEnum):
    """The parts of an MRI scene (see :func:`mri_part`)."""

    SCENE = "mri-scene"
    STATE = "mri-state"
    TARGET = "mri-target"
    CHOSEN = "mri-chosen"
    MESSAGE = "mri-message"
    PANES = "mri-panes"
    ARRANGEMENTS = "mri-arrangements"
    LAYOUT = "mri-layout"
    PLANE = "mri-plane"
    SHOWN_PLANE = "mri-shown-plane"
    WINDOW = "mri-window"
    WINDOW_TEXT = "mri-window-text"
    WINDOW_RESET = "mri-window-reset"
    OVERLAY = "mri-overlay"
    OPACITY = "mri-opacity"
    STYLE = "mri-style"
    KIND = "mri-kind"
    CARD = "mri-card"
    HISTORY = "mri-history"
    DISPUTED = "mri-disputed"


def mri_part(part: Mri, scene: str = "current") -> dict[str, str]:
    """A part of one scene; a page may show several, such as two cases of a board."""
    return {"view": "mri", "part": part.value, "scene": scene}


def mri_slider(slider: str, scene: str = "current") -> dict[str, str]:
    """A slice slider: ``axial``, ``coronal`` or ``sagittal`` of its plane, or ``pair`` of all panes that follow."""
    return {"view": "mri", "part": "slider", "slider": slider, "scene": scene}


def mri_slice(slider: str, scene: str = "current") -> dict[str, str]:
    """The slice that a slider stands at."""
    return {"view": "mri", "part": "slice", "slider": slider, "scene": scene}


def perspectives_plot(outcome: str) -> dict[str, str]:
    """The perspectives of one outcome: ``relapse``, ``worsening``, ``new_t2`` or ``neda``."""
    return {"view": "perspectives", "outcome": outcome}
