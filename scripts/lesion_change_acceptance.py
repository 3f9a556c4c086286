"""Lesion change against known truth: phantom masks, and real masks (open_ms_data) read again on shifted grids.

    uv run python scripts/lesion_change_acceptance.py [--people 8] [--change-masks FOLDER]

Prints one JSON document; exits 1 when a limit is missed. ``--change-masks``: folder with the published change masks of
the longitudinal set (patient*/gt.nii.gz), which are counted by the project's convention.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from clams_dash.cohort.phantom_pair_scores import MISREGISTRATION_MM, Scores, pair_scores
from clams_dash.config import real_data_dir
from clams_dash.imaging.grid import to_ras
from clams_dash.imaging.lesion_change import MeasuredMask, compare
from clams_dash.imaging.lesion_matching import PlacedMask
from clams_dash.imaging.lesion_reliability import volume_errors
from clams_dash.imaging.lesion_settings import lesion_settings
from clams_dash.imaging.lesions import as_mask, labelled, measure
from clams_dash.imaging.nifti import Volume, read_nifti

LIMITS = {"new_f1": 0.95, "enlarging_f1": 0.85, "median_volume_error_percent": 5.0, "false_new_per_unchanged_pair": 0.1}
SAME_KIND = ("3D and 3D", "2D and 2D")
EDGE_NOISE = 0.15
_TAKEN = 0.15


def missed(kind: str, figures: dict[str, Any]) -> list[str]:
    """Limits that one kind of pair misses."""
    low = [name for name in ("new_f1", "enlarging_f1") if figures[name] < LIMITS[name]]
    high = [
        name
        for name in ("median_volume_error_percent", "false_new_per_unchanged_pair")
        if figures[name] >= LIMITS[name]
    ]
    return [f"{kind}: {name} {figures[name]}" for name in (*low, *high)]


def real_masks(folder: Path) -> dict[str, Any]:
    """Real masks with themselves: read again with the head 0.5 mm off, and with some lesions taken from the first."""
    scores, settings = Scores(), lesion_settings()
    people = sorted(folder.glob("cross_sectional/MNI/*/GOLD_STANDARD*.nii.gz"))
    for number, path in enumerate(people):
        rng = np.random.default_rng(number)
        mask = to_ras(as_mask(read_nifti(path), path.name), is_mask=True)
        first, second = (_read_again(mask, rng) for _ in range(2))
        measured = [_measured(one) for one in (first, second)]
        same = compare(measured[0], measured[1], 365, MISREGISTRATION_MM, settings)
        scores.false_new.append(same.count("new"))
        scores.false_enlarging.append(same.count("enlarging"))
        pairs = [one for one in same.lesions if one.group.earlier and one.group.later and one.counted]
        scores.within_error += [abs(one.after_mm3 - one.before_mm3) <= one.error_mm3 for one in pairs]
        # What is taken from the first mask is new in the second; beside another lesion it is part of that by the rule.
        single = [one.group for one in pairs if len(one.group.earlier) == len(one.group.later) == 1]
        taken = [one for one in single if rng.random() < _TAKEN]
        parts = measured[0].placed.mask
        kept = np.where(np.isin(parts.labels, [one.earlier[0] for one in taken]), 0, parts.labels)
        again = compare(_measured(Volume(kept, parts.affine)), measured[1], 365, MISREGISTRATION_MM, settings)
        found = {one.group.later[0] for one in again.lesions if one.change == "new" and one.counted}
        true = {one.later[0] for one in taken if measured[1].placed.mask.components[one.later[0] - 1].counted}
        scores.new.add(found, true)
    return {
        "people": len(people), "new_f1": round(scores.new.f1, 3), "new_true": scores.new.both + scores.new.true_only,
        "false_new_per_unchanged_pair": round(float(np.mean(scores.false_new)), 3),
        "false_enlarging_per_unchanged_pair": round(float(np.mean(scores.false_enlarging)), 3),
        "unchanged_within_stated_error": round(float(np.mean(scores.within_error)), 3),
    }  # fmt: skip


def _read_again(mask: Volume, rng: np.random.Generator) -> Volume:
    """The mask with the head about 0.35 mm off (two of these are 0.5 mm apart); half-filled voxels are lesion."""
    turn = Rotation.from_rotvec(rng.normal(size=3) * np.radians(0.1)).as_matrix()
    shift = rng.normal(size=3)
    shift *= MISREGISTRATION_MM / np.sqrt(2) / np.linalg.norm(shift) / np.array(mask.spacing_mm)
    centre = np.array(mask.data.shape) / 2
    filled = (mask.data > 0).astype(np.float32)
    again = ndimage.affine_transform(filled, turn, centre - turn @ centre + shift, order=1)
    return Volume((again >= 0.5).astype(np.uint8), mask.affine)


def _measured(mask: Volume) -> MeasuredMask:
    parts, settings = labelled(mask), lesion_settings()
    errors = volume_errors(parts, settings.matching.least_registration_mm, settings.reliability)
    return MeasuredMask(PlacedMask(parts, np.eye(4)), errors)


def change_masks(folder: Path) -> dict[str, dict[str, float]]:
    """Published masks of change, counted by the project's convention: they say where, not what was there before."""
    found = {}
    for path in sorted(folder.glob("*/gt.nii.gz")):
        load = measure(as_mask(read_nifti(path), path.parent.name))
        found[path.parent.name] = {
            "components": len(load.components), "counted": load.t2_count, "ml": round(load.t2_volume_ml, 3)
        }  # fmt: skip
    return found


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--change-masks", type=Path, default=None)
    options = parser.parse_args()
    phantoms = {kind: one.to_json() for kind, one in pair_scores(options.people).items()}
    noisy = {kind: one.to_json() for kind, one in pair_scores(options.people, EDGE_NOISE).items()}
    real = real_data_dir() / "open_ms_data"
    fallen = [name for kind in SAME_KIND for name in missed(kind, phantoms[kind])]
    document: dict[str, Any] = {
        "limits": LIMITS, "missed": fallen, "phantoms": phantoms, f"phantoms, edges off by {EDGE_NOISE} voxel": noisy,
    }  # fmt: skip
    if real.exists():
        document["real masks"] = real_masks(real)
        document["published change masks"] = change_masks(options.change_masks or real / "longitudinal/coregistered")
    print(json.dumps(document, indent=1))
    return int(bool(fallen))


if __name__ == "__main__":
    raise SystemExit(main())
