"""Every component id of the app, in one place. Ids are never made from patient data."""

from __future__ import annotations

from enum import StrEnum


class Shell(StrEnum):
    """The frame around every page."""

    LOCATION = "shell-location"
    CONTENT = "shell-content"


class CaseList(StrEnum):
    """The list of cases."""

    GRID = "case-list-grid"
    SEARCH = "case-list-search"
    COUNT = "case-list-count"


class Consultation(StrEnum):
    """The consultation page."""

    PATIENT = "consultation-patient"
    TIMELINE = "consultation-timeline"
    PERSPECTIVES = "consultation-perspectives"
    OUTCOME = "consultation-outcome"


class Mri(StrEnum):
    """The MRI viewer."""

    PANEL = "mri-panel"
    SCENE = "mri-scene"
    STUDY = "mri-study"
    STATE = "mri-state"
    WINDOW = "mri-window"
    OVERLAY = "mri-overlay"


def mri_slider(plane: str) -> dict[str, str]:
    """The slice slider of one plane: ``axial``, ``coronal`` or ``sagittal``."""
    return {"view": "mri", "part": "slider", "plane": plane}
