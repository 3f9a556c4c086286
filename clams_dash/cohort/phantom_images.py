"""From anatomy and lesions to images: FLAIR, T1 and T1 after contrast, with texture, bias field and noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.cohort.phantom_anatomy import Anatomy, Tissue, Values
from clams_dash.cohort.phantom_fields import smooth_field, upsampled
from clams_dash.cohort.phantom_grid import StudyGrid
from clams_dash.cohort.phantom_lesions import PhantomLesion
from clams_dash.cohort.phantom_parameters import Scanner
from clams_dash.cohort.phantom_template import FloatVolume

ImageVolume = NDArray[np.int16]

_SCALE = 200.0
_RING_VOXELS = 200
_RING_CORE = 0.42
"""share of a ring-enhancing lesion's voxels that stays dark in the middle"""
_RING_OPENING = 0.3
_STRONG_FIELD_T = 2.5
_BIAS_STEP = 8
_PATCH_STEP = 3
_HALO_SIGMA = 2.6


@dataclass(frozen=True, slots=True)
class Look:
    """How one scanner and one day look: noise (share of white matter), bias field on the support, and the grid."""

    noise: float
    bias: Values
    grid: StudyGrid


class Textures:
    """A person's fixed texture, the same at every study: patches of white matter, grain, folia, vessels in sulci.

    ``contrast`` scales how much brighter than white matter grey matter is on FLAIR.
    """

    def __init__(self, anatomy: Anatomy, rng: np.random.Generator) -> None:
        support = anatomy.support
        fine = smooth_field(rng, anatomy.shape, 4.5).reshape(-1)[support]
        coarse = tuple(-(-size // _PATCH_STEP) + 1 for size in anatomy.shape)
        patches = smooth_field(rng, (coarse[0], coarse[1], coarse[2]), 18.0 / _PATCH_STEP)
        self.white = 0.020 * upsampled(patches, _PATCH_STEP, anatomy.shape).reshape(-1)[support] + 0.014 * fine
        self.grain = 0.016 * rng.standard_normal(len(support), dtype=np.float32)
        self.vessels = np.clip(fine - 1.1, 0.0, 1.0)
        self.folia = _folia(anatomy, fine)
        self.contrast = float(rng.uniform(0.72, 1.0))


def _folia(anatomy: Anatomy, wobble: Values) -> Values:
    """Leaves of the cerebellum, -1 to 1: bent layers that run with its hind surface, fading towards its core."""
    x, y, z = (line.astype(np.float32) for line in np.unravel_index(anatomy.support, anatomy.shape))
    origin = anatomy.template.affine[:3, 3]
    x, y, z = x + origin[0], y + origin[1], z + origin[2]
    ring = np.sqrt(0.5 * x**2 + (y + 38.0) ** 2 + 1.3 * (z + 16.0) ** 2)
    behind = np.clip((-y - 44.0 + 0.2 * np.abs(x)) / 6.0, 0.0, 1.0)
    edge = np.clip((19.0 - anatomy.places["depth_mm"]) / 9.0, 0.0, 1.0)
    waves = np.sin(ring * np.float32(2.0 * np.pi / 4.0) + 1.5 * wobble)
    return np.asarray(waves * behind * edge * (anatomy.places["infratentorial"] > 0.5), dtype=np.float32)


def look_of(field_t: float, grid: StudyGrid, scanner: Scanner, anatomy: Anatomy, rng: np.random.Generator) -> Look:
    """Look of a scanner: weaker fields are noisier and less uneven."""
    strong = field_t >= _STRONG_FIELD_T
    coarse = tuple(-(-size // _BIAS_STEP) + 1 for size in anatomy.shape)
    field = smooth_field(rng, (coarse[0], coarse[1], coarse[2]), 85.0 / _BIAS_STEP)
    bias = upsampled(field, _BIAS_STEP, anatomy.shape).reshape(-1)[anatomy.support]
    strength = np.float32(scanner.bias_3t if strong else scanner.bias_15t)
    return Look(noise=scanner.noise_3t if strong else scanner.noise_15t, bias=1.0 + strength * bias, grid=grid)


@dataclass(frozen=True, slots=True)
class Scene:
    """All that the images of one study are made from."""

    anatomy: Anatomy
    tissue: Tissue
    textures: Textures
    lesions: list[PhantomLesion]
    study: int
    look: Look


def flair(scene: Scene, rng: np.random.Generator) -> ImageVolume:
    """Fluid dark, grey above white matter, lesions bright with a faint halo, a thin line along the ventricles."""
    places, tissue, textures = scene.anatomy.places, scene.tissue, scene.textures
    inner = np.clip(0.1 * places["deep_grey"] + 0.35 * places["infratentorial"], 0.0, 0.8)
    solid = 0.735 + 0.19 * textures.contrast * tissue.grey * (1.0 - inner)
    solid -= 0.035 * places["deep_grey"] * (1.0 - tissue.grey)
    solid += textures.white + textures.grain - 0.20 * np.clip(places["iron"], 0.0, 1.0) + 0.035 * places["tract"]
    solid += 0.09 * textures.folia
    rim = np.exp(-((tissue.wall_mm - 0.7) ** 2) / 1.4)
    solid += 0.09 * rim
    paint, halo = _paint(scene, lambda lesion: lesion.brightness, halo=True)
    solid += 0.13 * halo + 0.42 * paint
    fluid = tissue.fluid * (1.0 - np.clip(1.6 * paint, 0.0, 1.0))
    # Slow flow and partial volume keep the sulci from being as black as the ventricles.
    dark = np.where(tissue.cortex_mm < tissue.wall_mm, np.float32(0.20), np.float32(0.09))
    image = solid * (1.0 - fluid) + fluid * (dark + 0.5 * np.clip(places["choroid"], 0.0, 1.0))
    return _finish(scene, image, rng)


def t1_weighted(scene: Scene) -> Values:
    """Noise-free T1 on the support: white matter bright, fluid dark, some lesions black holes."""
    places, tissue, textures = scene.anatomy.places, scene.tissue, scene.textures
    solid = 0.98 - 0.30 * tissue.grey + 0.10 * tissue.grey * places["deep_grey"]
    solid += 0.8 * (textures.white + textures.grain) + 0.03 * places["iron"] - 0.05 * textures.folia
    holes, _ = _paint(scene, lambda lesion: lesion.black_hole, halo=False)
    solid -= 0.50 * holes
    fluid = tissue.fluid
    return np.asarray(solid * (1.0 - fluid) + fluid * (0.20 + 0.22 * places["choroid"]), dtype=np.float32)


def with_contrast(scene: Scene, plain: Values) -> Values:
    """The same T1 after contrast: fresh lesions, the plexus, the venous sinuses and veins on the surface light up."""
    places, tissue = scene.anatomy.places, scene.tissue
    veins = np.clip(places["veins"], 0.0, 1.0) * np.clip(0.5 + tissue.fluid, 0.0, 1.0)
    surface = scene.textures.vessels * np.clip(1.0 - np.abs(tissue.cortex_mm) / 1.8, 0.0, 1.0)
    lit = plain + np.clip(1.3 * places["choroid"], 0.0, 1.3) * tissue.fluid + 0.9 * surface
    lit += (2.2 - plain) * veins
    # A vessel or the plexus beside a lesion must not make it look enhancing.
    lit = np.where(_lesioned(scene), plain, lit)
    enhancement = _enhancement(scene)
    return np.asarray(lit + np.clip(1.62 - lit, 0.0, None) * np.clip(enhancement, 0.0, 1.0), dtype=np.float32)


def finished_t1(scene: Scene, image: Values, rng: np.random.Generator) -> ImageVolume:
    """A T1 image as the scanner gives it."""
    return _finish(scene, image, rng)


def _paint(scene: Scene, strength: Callable[[PhantomLesion], float], halo: bool) -> tuple[Values, Values]:
    """Lesions as soft spots of a given strength, and a wide halo of dirty white matter around them if asked for."""
    shape, support = scene.anatomy.shape, scene.anatomy.support
    hard = np.zeros(shape, dtype=np.float32)
    drawn = [(lesion, lesion.order[: lesion.sizes[scene.study]]) for lesion in scene.lesions]
    for lesion, voxels in drawn:
        # The core, which grew first, is the brightest part.
        hard.ravel()[voxels] = np.float32(strength(lesion)) * np.linspace(1.12, 0.72, len(voxels), dtype=np.float32)
    every = np.concatenate([np.empty(0, dtype=np.int64), *(voxels for _, voxels in drawn)])
    if not len(every):
        nothing = np.zeros(len(support), dtype=np.float32)
        return nothing, nothing
    around = _box(every, shape, 7)
    wide = np.zeros(shape, dtype=np.float32) if halo else hard
    if halo:
        wide[around] = ndimage.gaussian_filter(hard[around], _HALO_SIGMA, truncate=2.5)
    hard[around] = ndimage.gaussian_filter(hard[around], 0.7, truncate=2.5)
    return hard.ravel()[support], wide.ravel()[support]


def _box(voxels: NDArray[np.int64], shape: tuple[int, int, int], margin: int) -> tuple[slice, ...]:
    places = np.unravel_index(voxels, shape)
    return tuple(
        slice(max(int(axis.min()) - margin, 0), min(int(axis.max()) + margin + 1, size))
        for axis, size in zip(places, shape, strict=True)
    )


def _lesioned(scene: Scene) -> NDArray[np.bool_]:
    """Voxels of the support that belong to a lesion of the study."""
    inside = np.zeros(scene.anatomy.shape, dtype=np.bool_)
    for lesion in scene.lesions:
        inside.ravel()[lesion.order[: lesion.sizes[scene.study]]] = True
    return np.asarray(inside.ravel()[scene.anatomy.support])


def _enhancement(scene: Scene) -> Values:
    """Small fresh lesions enhance as a nodule, larger ones as a ring that is open towards cortex or ventricle."""
    shape = scene.anatomy.shape
    hard = np.zeros(shape, dtype=np.float32)
    for lesion in scene.lesions:
        size = lesion.sizes[scene.study]
        if size and scene.study in lesion.enhancing:
            glow = np.float32(np.clip(lesion.brightness, 0.75, 1.1))
            if size < _RING_VOXELS:
                hard.ravel()[lesion.order[:size]] = glow * np.linspace(1.0, 0.55, size, dtype=np.float32)
            else:
                inner = int(_RING_CORE * size)
                hard.ravel()[_open_ring(scene, lesion, lesion.order[inner:size])] = glow
                hard.ravel()[lesion.order[:inner]] = 0.12
            box = _box(lesion.order[:size], shape, 3)
            hard[box] = ndimage.gaussian_filter(hard[box], 0.7, truncate=2.5)
    return np.asarray(hard.ravel()[scene.anatomy.support])


def _open_ring(scene: Scene, lesion: PhantomLesion, shell: NDArray[np.int64]) -> NDArray[np.int64]:
    """The shell of a lesion without the part nearest to what it lies against; deep lesions keep a closed ring."""
    against = {"periventricular": scene.tissue.wall_mm, "juxtacortical": scene.tissue.cortex_mm}.get(lesion.region)
    if against is None:
        return shell
    place = np.clip(np.searchsorted(scene.anatomy.support, shell), 0, len(against) - 1)
    return shell[against[place] > np.quantile(against[place], _RING_OPENING)]


def _finish(scene: Scene, image: Values, rng: np.random.Generator) -> ImageVolume:
    """Slices of the study's grid, bias field, Rician noise, and nothing outside the brain."""
    look, anatomy = scene.look, scene.anatomy
    fine = anatomy.volume((image * look.bias).astype(np.float32))
    volume: FloatVolume = look.grid.mean(fine)
    inside = np.flatnonzero(volume > np.float32(0.04))
    values = volume.ravel()[inside]
    noise = np.float32(look.noise)
    real = values + noise * rng.standard_normal(len(inside), dtype=np.float32)
    imaginary = noise * rng.standard_normal(len(inside), dtype=np.float32)
    measured = np.zeros(volume.shape, dtype=np.int16)
    measured.ravel()[inside] = np.clip(np.rint(np.sqrt(real**2 + imaginary**2) * _SCALE), 1, 4000).astype(np.int16)
    return measured
