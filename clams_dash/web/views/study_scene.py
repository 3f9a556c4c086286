"""From the records of a case to what the viewer shows: image and prior, overlays, lesions to visit.

Two studies move in step only where they lie in one space: as copies on the person's common grid, or because their
source says so. Others are shown side by side, each on its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from clams_dash.clinical.case_words import iso
from clams_dash.model import catalogues
from clams_dash.model.records import Case, Scan, Series
from clams_dash.web.mri.scene import Scene, SceneImage, Surface
from clams_dash.web.routes import mesh_url, volume_url
from clams_dash.web.views import lesion_targets

SEQUENCE_ORDER = ("FLAIR", "T1W_GD", "T1W", "T2W", "PD", "SWI", "DWI")
_OWN_GRIDS = (None, "native")
_ANY_LEVEL = (0.0, 255.0)


@dataclass(frozen=True, slots=True)
class Pairing:
    """The image looked at and, where there is one, the prior's of the same sequence; both on one grid if ``linked``."""

    scan: Scan
    image: Series
    prior_scan: Scan | None = None
    prior: Series | None = None
    linked: bool = False
    aligned: bool = False


def images_of(scan: Scan) -> list[Series]:
    """Series that can be shown as images."""
    return [series for series in scan.series if series.drawable and series.window is not None]


def prior_of(case: Case, scan: Scan) -> Scan | None:
    """The study to show beside ``scan``: the one it was compared with, else the latest before it with images."""
    named = (scan.pair.prior_study_id if scan.pair else None) or scan.comparison_study_id
    earlier = [one for one in case.scans if one.date < scan.date and images_of(one) and one.region == scan.region]
    return next((one for one in earlier if one.study_id == named), earlier[-1] if earlier else None)


def pairing_of(case: Case, scan: Scan, sequence: str | None) -> Pairing | None:
    """Which images to show for ``scan``; None when it has none."""
    images = {series.sequence: series for series in images_of(scan)}
    if not images:
        return None
    image = images.get(sequence or "") or next(images[name] for name in SEQUENCE_ORDER if name in images)
    before = prior_of(case, scan)
    if before is None:
        return Pairing(scan, image)
    now, then = scan.first_aligned(image.sequence), before.first_aligned(image.sequence)
    if now is not None and then is not None and now.drawable and then.drawable and same_grid(now, then):
        return Pairing(scan, now, before, then, linked=True, aligned=True)
    own = next((one for one in images_of(before) if one.sequence == image.sequence), None)
    if own is None:
        return Pairing(scan, image, before)
    one_space = image.space == own.space and image.space not in _OWN_GRIDS and same_grid(image, own)
    return Pairing(scan, image, before, own, linked=one_space)


def scene_of(case: Case, pairing: Pairing, asked: str | None) -> Scene:
    """The scene of a pairing. ``asked`` is the sequence asked for, which the study may lack."""
    scan, image = pairing.scan, pairing.image
    mask = _mask(scan, pairing.aligned)
    overlaid = mask is not None and mask.drawable and same_grid(mask, image)
    targets = lesion_targets.targets_of(case, scan, in_common_space=pairing.aligned)
    held = {target.key for target in targets}
    tour = tuple(key for key in lesion_targets.tour_of(case, scan) if key in held)
    missing = "" if asked in (None, image.sequence) else f" (no {label(str(asked))} in this study)"
    return Scene(
        image=_scene_image(scan, image, pairing.aligned),
        start_mm=mask.focus_mm if mask is not None and overlaid else None,
        caption=f"{label(image.sequence)}{missing} · {date_text(scan)}",
        prior=_prior_image(pairing),
        linked=pairing.linked,
        overlay_text=_overlay_text(mask, image),
        targets=targets,
        tour=tour,
        opens_on=tour[0] if tour and lesion_targets.compared(scan) else None,
        surfaces=_surfaces(pairing),
        place=f"{scan.study_id} {'common' if pairing.aligned else 'own'}",
    )


def _surfaces(pairing: Pairing) -> tuple[Surface, ...]:
    """Surfaces in the space of the images shown, lesions before the brain that lets them shine through."""
    registration = pairing.scan.registration
    in_common = pairing.aligned or (registration is not None and registration.is_reference)
    fitting = [one for one in pairing.scan.meshes if one.common_space == in_common]
    return tuple(
        Surface(mesh_url(one.mesh_id), one.kind) for one in sorted(fitting, key=lambda one: one.kind == "brain")
    )


def _prior_image(pairing: Pairing) -> SceneImage | None:
    if pairing.prior is None or pairing.prior_scan is None:
        return None
    return _scene_image(pairing.prior_scan, pairing.prior, pairing.aligned, is_prior=True)


def _scene_image(scan: Scan, image: Series, aligned: bool, is_prior: bool = False) -> SceneImage:
    field = f" · {scan.field_t:g} T" if scan.field_t else ""
    return SceneImage(
        url=volume_url(image.series_id),
        shape_ras=image.shape,
        spacing_mm=image.spacing_mm,
        origin_mm=image.origin_mm,
        window=image.window or _ANY_LEVEL,
        brain_box_mm=image.box_mm,
        overlays=_overlays(scan, image, aligned, is_prior),
        caption=f"{date_text(scan)}{field}",
        sequence=label(image.sequence),
    )


def _overlays(scan: Scan, image: Series, aligned: bool, is_prior: bool) -> dict[str, str]:
    """Addresses of what may be laid over an image. Beside a map of change the prior shows its own lesions."""
    mask = _mask(scan, aligned)
    own = {"lesions": mask}
    if aligned:
        own["lesion_change"] = mask if is_prior else scan.first_aligned("lesion_change")
        own["difference"] = None if is_prior else scan.first_aligned("difference")
    return {
        kind: volume_url(series.series_id)
        for kind, series in own.items()
        if series is not None and series.drawable and same_grid(series, image)
    }


def _mask(scan: Scan, aligned: bool) -> Series | None:
    return scan.first_aligned("lesion_mask") if aligned else scan.first_series("lesion_mask", "change_mask")


def same_grid(mask: Series, image: Series) -> bool:
    """Whether a mask may be laid over an image; over another grid its lesions would vanish or move."""
    gap = [
        abs(a - b)
        for a, b in zip((*mask.spacing_mm, *mask.origin_mm), (*image.spacing_mm, *image.origin_mm), strict=True)
    ]
    return mask.shape == image.shape and max(gap) < 0.01


def _overlay_text(mask: Series | None, image: Series) -> str:
    if mask is None:
        return "no lesion mask"
    if not mask.drawable:
        return "mask is empty"
    if not same_grid(mask, image):
        return "mask lies on another sequence's grid"
    return "Change" if mask.sequence == "change_mask" else "Lesions"


def label(sequence: str) -> str:
    """A sequence's name, short enough for a button."""
    return {"T1W_GD": "T1 + Gd"}.get(sequence) or catalogues.labels("sequences").get(sequence, sequence)


def date_text(scan: Scan) -> str:
    """The date of a study, and whether it is nominal."""
    return f"{iso(scan.date)}{' (nominal)' if scan.date_approximate else ''}"
