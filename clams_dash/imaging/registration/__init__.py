"""One space per person: how a study lies in the space of the reference study, and how far that can be trusted."""

from clams_dash.imaging.registration.pairs import Aligned, register, register_near

__all__ = ["Aligned", "register", "register_near"]
