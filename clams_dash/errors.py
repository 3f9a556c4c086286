"""The errors a user may see. Each names what is at fault and what to do about it."""

from __future__ import annotations


class ClamsError(Exception):
    """Base of every error this project raises on purpose; the command line prints its text and exits 1."""


class ImportRefused(ClamsError):
    """A source that cannot be imported at all: nothing of it reaches the pool."""


class ImageError(ClamsError):
    """An image file that is damaged, implausible or larger than the caps allow."""


class PoolError(ClamsError):
    """The pool folder is missing, damaged or in use."""


class PoolBusy(PoolError):
    """Another process is writing to the pool, or building it; trying again later helps."""


class UnknownPatient(ClamsError):
    """No patient of that pseudonym in the pool."""


class ModelError(ClamsError):
    """A therapy-response model that is missing, altered or does not fit this version."""


class TrainingRefused(ClamsError):
    """A pool from which no honest model can be trained; the text says why."""


class FactsError(ClamsError):
    """A data file under ``data/`` with an unknown, missing or impossible entry."""


class ConventionError(ClamsError, ValueError):
    """An option of a progression result that does not exist or cannot be; the text names it and what it may be."""
