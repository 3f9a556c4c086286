"""What one viewer shows: a study, or a prior beside a current one, its lesions to visit and its surfaces.

Everything here is plain data in RAS+ millimetres; the layout (``panes.py``) and the browser (``assets/mri``) follow it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PLANE_AXIS = {"axial": 2, "coronal": 1, "sagittal": 0}
OVERLAYS = {"lesion_change": "Change", "lesions": "Lesions", "difference": "Difference"}
"""Kinds of overlay and their names, the most telling first."""

Millimetres = tuple[float, float, float]
_SAME_GRID = 1e-3


@dataclass(frozen=True)
class SceneImage:
    """One image on an axis-aligned RAS+ grid, served as ``.vti`` at ``url``.

    ``window`` holds the grey levels (0 to 255) shown black and white. ``brain_box_mm`` holds the lower and upper corner
    of the brain; each plane is scaled to it. None means the whole volume. ``overlays`` maps a kind of
    :data:`OVERLAYS` to the address of a coloured volume; ``caption`` says in the frame which study this is,
    ``sequence`` what was acquired.
    """

    url: str
    shape_ras: tuple[int, int, int]
    spacing_mm: Millimetres
    origin_mm: Millimetres
    window: tuple[float, float]
    brain_box_mm: tuple[Millimetres, Millimetres] | None
    overlays: Mapping[str, str] = field(default_factory=dict)
    caption: str = ""
    sequence: str = ""

    def __post_init__(self) -> None:
        if min(self.shape_ras) < 2:
            raise ValueError(f"three planes need at least two voxels along each axis, not {self.shape_ras}")
        if min(self.spacing_mm) <= 0:
            raise ValueError(f"voxel sizes must be above zero, not {self.spacing_mm} mm")
        if not 0 <= self.window[0] < self.window[1] <= 255:
            raise ValueError(f"a window lies within grey levels 0 to 255, not {self.window}")
        unknown = set(self.overlays) - set(OVERLAYS)
        if unknown:
            raise ValueError(f"no such overlay: {sorted(unknown)}; there are {list(OVERLAYS)}")

    def index_at(self, axis: int, position_mm: float) -> int:
        """The voxel index nearest a position along one axis, kept inside the volume."""
        index = round((position_mm - self.origin_mm[axis]) / self.spacing_mm[axis])
        return min(max(index, 0), self.shape_ras[axis] - 1)

    def box_mm(self) -> tuple[Millimetres, Millimetres]:
        """The brain's box, or the outer edges of the volume."""
        if self.brain_box_mm is not None:
            return self.brain_box_mm
        grid = list(zip(self.origin_mm, self.spacing_mm, self.shape_ras, strict=True))
        low_x, low_y, low_z = (origin - spacing / 2 for origin, spacing, _ in grid)
        high_x, high_y, high_z = (origin + spacing * (count - 0.5) for origin, spacing, count in grid)
        return (low_x, low_y, low_z), (high_x, high_y, high_z)

    def shares_grid(self, other: SceneImage) -> bool:
        """Whether a voxel index means the same place in both."""
        mine, theirs = ((*one.spacing_mm, *one.origin_mm) for one in (self, other))
        return self.shape_ras == other.shape_ras and all(
            abs(a - b) < _SAME_GRID for a, b in zip(mine, theirs, strict=True)
        )


@dataclass(frozen=True)
class VolumeOnDate:
    """A lesion's volume on one date, as its history plot shows it. ``error_mm3`` None = not known."""

    date: str
    volume_mm3: float
    error_mm3: float | None
    note: str


@dataclass(frozen=True)
class Target:
    """A lesion to visit: where it lies in the current image, and what its card says.

    ``change`` is new, enlarging, stable, shrinking, resolved or lesion (nothing to compare with). ``facts`` are labels
    and values in the order of the card.
    """

    key: str
    position_mm: Millimetres
    change: str
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    history: tuple[VolumeOnDate, ...] = ()


@dataclass(frozen=True)
class Surface:
    """A mesh (``.vtp`` at ``url``) in the space of the current image; ``kind`` as in the pool's table ``mesh``."""

    url: str
    kind: str


@dataclass(frozen=True)
class Scene:
    """What one viewer shows.

    ``image`` is the study looked at, ``prior`` the one before it. ``linked`` studies share a grid and move in step;
    others are shown side by side, each on its own. All planes open at ``start_mm`` (None: the middle of the brain),
    or on the target ``opens_on``. ``tour`` names the targets that N visits, in order. ``overlay_text`` names the
    overlay, or says why there is none. Scenes of the same ``place`` keep point, zoom and lesion from one to the next.
    """

    image: SceneImage
    start_mm: Millimetres | None
    caption: str
    prior: SceneImage | None = None
    linked: bool = True
    overlay_text: str | None = None
    targets: tuple[Target, ...] = ()
    tour: tuple[str, ...] = ()
    opens_on: str | None = None
    surfaces: tuple[Surface, ...] = ()
    place: str = ""

    def __post_init__(self) -> None:
        if self.prior is not None and self.linked and not self.prior.shares_grid(self.image):
            raise ValueError("studies that move in step need one grid; show them unlinked")
        known = {target.key for target in self.targets}
        unknown = [key for key in (*self.tour, self.opens_on) if key is not None and key not in known]
        if unknown:
            raise ValueError(f"no such target: {unknown}")

    def start_point(self) -> Millimetres:
        """Where the planes open."""
        opening = next((target.position_mm for target in self.targets if target.key == self.opens_on), None)
        low, high = self.image.box_mm()
        x, y, z = opening or self.start_mm or ((a + b) / 2 for a, b in zip(low, high, strict=True))
        return x, y, z

    def start_indices(self) -> tuple[int, int, int]:
        """Voxel index along x, y and z of the planes at opening."""
        x, y, z = self.start_point()
        return self.image.index_at(0, x), self.image.index_at(1, y), self.image.index_at(2, z)

    def slots(self) -> dict[str, SceneImage]:
        """The studies shown, by their place on the page."""
        return ({"prior": self.prior} if self.prior else {}) | {"current": self.image}

    def overlay_kinds(self) -> list[str]:
        """The overlays there are, the one to open with first."""
        held = {kind for image in self.slots().values() for kind in image.overlays}
        return [kind for kind in OVERLAYS if kind in held]

    def key(self) -> str:
        """What tells this scene from another: all that it loads at opening."""
        parts = [f"{image.url} {' '.join(image.overlays.values())}" for image in self.slots().values()]
        return " | ".join(parts)

    def state(self) -> dict[str, Any]:
        """What the browser is told, without ids."""
        return {
            "key": self.key(),
            "place": self.place,
            "linked": self.linked,
            "start_mm": self.start_point(),
            "start": self.start_indices(),
            "overlay_kind": next(iter(self.overlay_kinds()), None),
            "slots": {
                name: {
                    "url": image.url,
                    "shape": image.shape_ras,
                    "spacing_mm": image.spacing_mm,
                    "origin_mm": image.origin_mm,
                    "box_mm": image.box_mm(),
                    "window": image.window,
                    "overlays": dict(image.overlays),
                }
                for name, image in self.slots().items()
            },
            "targets": {
                target.key: {
                    "mm": target.position_mm,
                    "change": target.change,
                    "title": target.title,
                    "facts": target.facts,
                    "history": [vars(one) for one in target.history],
                }
                for target in self.targets
            },
            "tour": self.tour,
            "opens_on": self.opens_on,
            "meshes": [{"url": surface.url, "kind": surface.kind} for surface in self.surfaces],
        }
