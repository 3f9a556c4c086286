"""Laboratory results as a clinician reads them: units, grades, age-adjusted NfL, JCV and PML risk, trends."""

from clams_dash.clinical.labs.graded import GradedLab, graded

__all__ = ["GradedLab", "graded"]
