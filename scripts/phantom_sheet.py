"""A contact sheet of phantom FLAIR slices beside real FLAIR, to be looked at by somebody who reads scans.

    python scripts/phantom_sheet.py --out sheet.png [--patients 12] [--sequence FLAIR] [--study -1]

Left block: the phantoms, one line of slices each, in two columns; right block: real FLAIR (CC BY, open_ms_data) where
CLAMS_REAL_DATA points to it. Radiological convention: the patient's right is on the left. Every file is windowed to
its own brain. No plotting library is needed.
"""

from __future__ import annotations

import argparse
import struct
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.phantom import draw_patients, plan_phantoms
from clams_dash.cohort.simulate import simulate_cohort
from clams_dash.config import DEMO_SEED, real_data_dir
from clams_dash.imaging.grid import to_ras
from clams_dash.imaging.nifti import read_nifti

Picture = NDArray[np.uint8]

LEVELS_MM = (-30.0, -8.0, 6.0, 20.0, 34.0, 50.0)
_RIGHT_MM, _FRONT_MM = (-72, 73), (-114, 76)
_BRIGHTEST_PERCENTILE = 99.5
_GAP = 8


def line_of_slices(path: Path) -> Picture:
    """Axial slices of one file at fixed heights of world space, 1 mm a pixel."""
    image = to_ras(read_nifti(path), is_mask=False)
    data = image.data.astype(np.float32)
    brain = data[data > 0]
    white = float(np.percentile(brain, _BRIGHTEST_PERCENTILE)) if len(brain) else 1.0
    right, front = np.arange(*_RIGHT_MM), np.arange(*_FRONT_MM)
    spacing, origin = np.diag(image.affine)[:3], image.affine[:3, 3]
    parts = []
    for level in LEVELS_MM:
        part = np.zeros((len(right), len(front)), dtype=np.float32)
        z = round((level - origin[2]) / spacing[2])
        if 0 <= z < data.shape[2]:
            x = np.rint((right - origin[0]) / spacing[0]).astype(int)
            y = np.rint((front - origin[1]) / spacing[1]).astype(int)
            in_x, in_y = (x >= 0) & (x < data.shape[0]), (y >= 0) & (y < data.shape[1])
            part[np.ix_(in_x, in_y)] = data[np.ix_(x[in_x], y[in_y], [z])][:, :, 0]
        parts.append(part.T[::-1, ::-1])
    line = np.clip(np.concatenate(parts, axis=1) / white * 255.0, 0, 255)
    return np.asarray(line, dtype=np.uint8)


def stacked(lines: list[Picture], columns: int) -> Picture:
    """Lines of slices as a block of several columns."""
    rows = -(-len(lines) // columns)
    high, wide = lines[0].shape
    block = np.zeros((rows * (high + _GAP), columns * (wide + _GAP)), dtype=np.uint8)
    for number, line in enumerate(lines):
        top, left = number % rows * (high + _GAP), number // rows * (wide + _GAP)
        block[top : top + high, left : left + wide] = line
    return block


def write_png(path: Path, picture: Picture) -> None:
    """An 8-bit grey PNG."""
    high, wide = picture.shape
    raw = np.concatenate([np.zeros((high, 1), dtype=np.uint8), picture], axis=1).tobytes()
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(raw, 6)),
        (b"IEND", b""),
    ]
    with path.open("wb") as handle:
        handle.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in chunks:
            handle.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))


def phantom_files(patients: int, cohort: int, seed: int, sequence: str, study: int, folder: Path) -> list[Path]:
    """Draw the phantoms and give one file of each person that has the sequence."""
    frames = simulate_cohort(cohort, seed)
    found = []
    for drawn in draw_patients(frames["mri"], plan_phantoms(frames, patients), seed, folder):
        files = drawn.series[drawn.series["sequence"] == sequence]["path"].tolist()
        if files:
            found.append(folder / files[min(study, len(files) - 1)])
        print(f"{drawn.patient_id}: {len(drawn.mri)} studies", file=sys.stderr)
    return found


def real_files(sequence: str) -> list[Path]:
    """Real scans of the same kind, if they are there."""
    stem = {"FLAIR": "FLAIR", "T1W": "T1", "T1W_GD": "T1POST"}.get(sequence, sequence)
    folder = real_data_dir() / "open_ms_data"
    return [*sorted(folder.glob(f"cross_sectional/MNI/*/{stem}_N4*.nii.gz")),
            *sorted(folder.glob(f"longitudinal/coregistered/*/*{stem}*.nii.gz"))]  # fmt: skip


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=12)
    parser.add_argument("--cohort", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=DEMO_SEED)
    parser.add_argument("--sequence", default="FLAIR", choices=("FLAIR", "T1W", "T1W_GD", "lesion_mask"))
    parser.add_argument("--study", type=int, default=-1, help="which study of each person that has the sequence")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clams-sheet-") as scratch:
        files = phantom_files(wanted.patients, wanted.cohort, wanted.seed, wanted.sequence, wanted.study, Path(scratch))
        blocks = [stacked([line_of_slices(path) for path in files], 2)]
    real = real_files(wanted.sequence)
    if real:
        block = stacked([line_of_slices(path) for path in real], 1)
        lacking = blocks[0].shape[0] - block.shape[0]
        blocks = [
            np.pad(part, ((0, max(extra, 0)), (0, 0))) for part, extra in ((blocks[0], -lacking), (block, lacking))
        ]
    else:
        print("no real scans (CLAMS_REAL_DATA): phantoms only", file=sys.stderr)
    write_png(wanted.out, np.concatenate(blocks, axis=1))


if __name__ == "__main__":
    main()
