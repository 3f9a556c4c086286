"""From anatomy and lesions to images: FLAIR, T1 and T1 after contrast, with texture, bias field and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.cohort.phantom_anatomy import Anatomy, Tissue, smooth_field
from clams_dash.cohort.phantom_lesions import PhantomLesion
from clams_dash.cohort.phantom_template import FloatVolume

ImageVolume = NDArray[np.int16]

_SCALE = 200.0
_RING_VOXELS = 220


@dataclass(frozen=True, slots=True)
class Look:
    """How one scanner and one day look: noise (share of white matter), bias field, slices of a 2D protocol."""

    noise: float
    bias: FloatVolume
    slice_voxels: int


class Textures:
    """A person's fixed texture of white matter, the same at every study."""

    def __init__(self, anatomy: Anatomy, rng: np.random.Generator) -> None:
        shape = anatomy.template.shape
        self.white = 0.022 * smooth_field(rng, shape, 18.0) + 0.016 * smooth_field(rng, shape, 5.0)
        grain = ndimage.gaussian_filter(rng.standard_normal(shape).astype(np.float32), 0.9)
        self.grain = (0.014 * grain / grain.std()).astype(np.float32)


def look_of(field_t: float, protocol: str | None, shape: tuple[int, int, int], rng: np.random.Generator) -> Look:
    """Look of a scanner: weaker fields are noisier, 2D protocols have 3 mm slices."""
    noise = 0.028 if field_t >= 2.5 else 0.045
    bias = 1.0 + np.float32(0.03 if field_t < 2.5 else 0.05) * smooth_field(rng, shape, 90.0)
    flat = protocol is not None and protocol.startswith("2D")
    return Look(noise=noise, bias=bias.astype(np.float32), slice_voxels=3 if flat else 1)


def flair(
    anatomy: Anatomy,
    tissue: Tissue,
    textures: Textures,
    lesions: list[PhantomLesion],
    study: int,
    look: Look,
    rng: np.random.Generator,
) -> ImageVolume:
    """Fluid dark, grey above white matter, lesions bright with a faint halo, a thin line along the ventricles."""
    places = anatomy.places
    grey = np.clip((0.84 - tissue.t1) / 0.13, 0.0, 1.0)
    inner = 0.45 * places["deep_grey"] + 0.5 * (places["infratentorial"] > 0.5)
    solid = 0.76 + 0.19 * grey * (1.0 - np.clip(inner, 0.0, 0.8))
    solid += (textures.white + textures.grain) - 0.17 * np.clip(places["iron"], 0.0, 1.0) + 0.035 * places["tract"]
    rim = np.exp(-((places["ventricle_distance_mm"] - 0.8) ** 2) / 1.6)
    solid += 0.07 * rim
    paint, halo = _paint(lesions, study, tissue.t1.shape, lambda lesion: lesion.brightness)
    solid += 0.06 * halo
    solid = solid + paint * 0.42
    fluid = tissue.fluid * (1.0 - np.clip(1.6 * paint, 0.0, 1.0))
    image = solid * (1.0 - fluid) + fluid * (0.10 + 0.5 * np.clip(places["choroid"], 0.0, 1.0))
    return _finish(image, tissue, look, rng)


def t1_weighted(
    anatomy: Anatomy,
    tissue: Tissue,
    textures: Textures,
    lesions: list[PhantomLesion],
    study: int,
    look: Look,
    rng: np.random.Generator,
    contrast: bool,
) -> ImageVolume:
    """White matter bright, fluid dark, some lesions black holes; contrast lights up fresh lesions and the plexus."""
    places = anatomy.places
    solid = np.clip(0.70 + 1.55 * (tissue.t1 - 0.64), 0.52, 1.02)
    solid += 0.8 * (textures.white + textures.grain) + 0.03 * places["iron"]
    holes, _ = _paint(lesions, study, tissue.t1.shape, lambda lesion: lesion.black_hole)
    solid -= 0.52 * holes
    fluid = tissue.fluid
    lit = 0.22 * places["choroid"]
    if contrast:
        lit = 0.75 * places["choroid"]
        solid = solid + 1.05 * _enhancement(lesions, study, tissue.t1.shape)
    image = solid * (1.0 - fluid) + fluid * (0.20 + lit)
    return _finish(image, tissue, look, rng)


def _paint(
    lesions: list[PhantomLesion], study: int, shape: tuple[int, ...], strength: object
) -> tuple[FloatVolume, FloatVolume]:
    """Lesions as soft spots of a given strength, and a wide halo of dirty white matter around them."""
    hard = np.zeros(shape, dtype=np.float32)
    for lesion in lesions:
        voxels = lesion.order[: lesion.sizes[study]]
        if not len(voxels):
            continue
        # The core, which grew first, is the brightest part.
        fade = np.linspace(1.08, 0.86, len(voxels), dtype=np.float32)
        hard.ravel()[voxels] = np.float32(strength(lesion)) * fade  # type: ignore[operator]
    return ndimage.gaussian_filter(hard, 0.65), ndimage.gaussian_filter(hard, 3.0)


def _enhancement(lesions: list[PhantomLesion], study: int, shape: tuple[int, ...]) -> FloatVolume:
    """Small fresh lesions enhance as a whole, larger ones as a ring."""
    hard = np.zeros(shape, dtype=np.float32)
    for lesion in lesions:
        if not lesion.enhancing or lesion.born != study:
            continue
        size = lesion.sizes[study]
        inner = 0 if size < _RING_VOXELS else int(0.45 * size)
        hard.ravel()[lesion.order[inner:size]] = 1.0
        hard.ravel()[lesion.order[:inner]] = 0.15
    return np.asarray(ndimage.gaussian_filter(hard, 0.6))


def _finish(image: FloatVolume, tissue: Tissue, look: Look, rng: np.random.Generator) -> ImageVolume:
    """Slices, bias field, Rician noise, and the mask of the skull-stripped brain."""
    if look.slice_voxels > 1:
        image = _thick_slices(image, look.slice_voxels)
    image = image * look.bias
    real = image + np.float32(look.noise) * rng.standard_normal(image.shape, dtype=np.float32)
    imaginary = np.float32(look.noise) * rng.standard_normal(image.shape, dtype=np.float32)
    measured = np.sqrt(real**2 + imaginary**2) * (tissue.brain > 0.5)
    return np.asarray(np.clip(np.rint(measured * _SCALE), 0, 4000), dtype=np.int16)


def _thick_slices(image: FloatVolume, thickness: int) -> FloatVolume:
    depth = image.shape[2] // thickness * thickness
    blocks = image[:, :, :depth].reshape(*image.shape[:2], -1, thickness).mean(axis=3)
    thick = image.copy()
    thick[:, :, :depth] = np.repeat(blocks, thickness, axis=2)
    return thick
