"""MRI pictures of a letter: the axial slice at the largest new lesion (or the largest), now and in the study before.

Made of display copies, so that paper and screen show the same voxels; the patient's right is on the picture's left.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageDraw

from clams_dash.clinical.case_words import iso
from clams_dash.errors import ImageError
from clams_dash.imaging.decode import DisplayGrid, read_display
from clams_dash.model.records import Case, Scan, Series
from clams_dash.report.content import Picture

OpenFile = Callable[[str], bytes | None]
"""Content of a display copy by its opaque id, already checked; None when there is none."""
_SEQUENCES = ("FLAIR", "T2W", "T1W")
_PIXELS_PER_MM = 4


def pictures_of(case: Case, open_file: OpenFile) -> tuple[Picture, ...]:
    """Prior and current slice of the latest study with images; one picture where nothing before lies in its space."""
    shown = [scan for scan in case.scans if _image(scan, aligned=False) is not None]
    if not shown:
        return ()
    current = shown[-1]
    before = next((scan for scan in reversed(shown[:-1]) if _image(scan, aligned=True) is not None), None)
    aligned = before is not None and _image(current, aligned=True) is not None
    image = _image(current, aligned=aligned)
    if image is None:
        return ()
    height_mm = _height_mm(current, image, aligned)
    pair = [before, current] if aligned and before is not None else [current]
    made = [_picture(scan, aligned, height_mm, open_file) for scan in pair]
    return tuple(one for one in made if one is not None)


def _image(scan: Scan, *, aligned: bool) -> Series | None:
    found = scan.first_aligned(*_SEQUENCES) if aligned else scan.first_series(*_SEQUENCES)
    return found if found is not None and found.drawable and found.window is not None else None


def _mask(scan: Scan, aligned: bool) -> Series | None:
    found = scan.first_aligned("lesion_change", "lesion_mask") if aligned else scan.first_series("lesion_mask")
    return found if found is not None and found.drawable else None


def _height_mm(scan: Scan, image: Series, aligned: bool) -> float:
    """Where to cut: at the new lesion, else the largest, else the middle of the head."""
    candidates = [_mask(scan, aligned), scan.first_aligned("lesion_mask") if aligned else None]
    focus = next((one.focus_mm for one in candidates if one is not None and one.focus_mm is not None), None)
    if focus is not None:
        return focus[2]
    low, high = image.box_mm or (image.origin_mm, _end(image))
    return (low[2] + high[2]) / 2


def _picture(scan: Scan, aligned: bool, height_mm: float, open_file: OpenFile) -> Picture | None:
    image, mask = _image(scan, aligned=aligned), _mask(scan, aligned)
    if image is None or image.window is None:
        return None
    index = min(max(round((height_mm - image.origin_mm[2]) / image.spacing_mm[2]), 0), image.shape[2] - 1)
    grey = _slice(image, index, open_file)
    if grey is None:
        return None
    low, high = image.window
    levels = [min(max(round(255 * (level - low) / (high - low)), 0), 255) for level in range(256)]
    drawn = grey.convert("L").point(levels).convert("RGBA")
    same_grid = mask is not None and (mask.shape, mask.origin_mm) == (image.shape, image.origin_mm)
    colours = _slice(mask, index, open_file) if mask is not None and same_grid else None
    if colours is not None:
        drawn = Image.alpha_composite(drawn, colours.convert("RGBA"))
    drawn, size_mm = _cropped(drawn, image)
    _letters(drawn)
    target = io.BytesIO()
    drawn.convert("RGB").save(target, "PNG")
    lesions = "lesions by change" if mask is not None and mask.sequence == "lesion_change" else "lesions"
    overlay = lesions if colours is not None else "no lesion mask shown"
    place = image.origin_mm[2] + index * image.spacing_mm[2]
    caption = f"{iso(scan.date)} · {image.sequence} axial, S {place:.0f} mm · {overlay} · patient's right on the left"
    return Picture(target.getvalue(), *size_mm, caption)


def _slice(series: Series, index: int, open_file: OpenFile) -> Image.Image | None:
    content = open_file(series.series_id)
    if content is None:
        return None
    try:
        volume = read_display(content, DisplayGrid(series.shape, series.spacing_mm, series.origin_mm))
        return Image.open(io.BytesIO(volume.slice_png("axial", index)))
    except ImageError:
        return None


def _cropped(drawn: Image.Image, image: Series) -> tuple[Image.Image, tuple[float, float]]:
    """The head alone, with square pixels; and its width and height in mm."""
    low, high = image.box_mm or (image.origin_mm, _end(image))
    # Columns run from the patient's right (large x) to left, rows from anterior (large y) to posterior.
    box = [
        (_end(image)[axis] + image.spacing_mm[axis] / 2 - edge) / image.spacing_mm[axis]
        for axis, edge in ((0, high[0]), (1, high[1]), (0, low[0]), (1, low[1]))
    ]
    width_mm, height_mm = high[0] - low[0], high[1] - low[1]
    size = (round(width_mm * _PIXELS_PER_MM), round(height_mm * _PIXELS_PER_MM))
    left, top, right, bottom = (round(edge) for edge in box)
    return drawn.crop((left, top, right, bottom)).resize(size, Image.Resampling.BICUBIC), (width_mm, height_mm)


def _end(image: Series) -> tuple[float, float, float]:
    x, y, z = (
        origin + spacing * (count - 1)
        for origin, spacing, count in zip(image.origin_mm, image.spacing_mm, image.shape, strict=True)
    )
    return x, y, z


def _letters(drawn: Image.Image) -> None:
    pen = ImageDraw.Draw(drawn)
    middle = drawn.height / 2
    for letter, x, anchor in (("R", 8, "lm"), ("L", drawn.width - 8, "rm")):
        pen.text((x, middle), letter, fill=(255, 255, 255, 255), anchor=anchor, font_size=34)
