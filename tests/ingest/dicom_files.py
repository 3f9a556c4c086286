"""DICOM files for tests: a volume as an MR series of single slices, and a lesion mask as SEG object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
STUDY = "1.2.826.0.1.3680043.8.498.1"


def write_series(folder: Path, data: np.ndarray, affine: np.ndarray, description: str, **tags: Any) -> list[Path]:
    """Write ``data`` (voxels of a RAS+ affine) slice by slice, file names in no order of the slices."""
    folder.mkdir(parents=True, exist_ok=True)
    lps = LPS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    axes = lps[:3, :3] / spacing
    series = tags.pop("SeriesInstanceUID", generate_uid(entropy_srcs=[description]))
    names = np.random.default_rng(0).permutation(data.shape[2])
    files = []
    for k in range(data.shape[2]):
        dataset = _slice(data[:, :, k], description, series, k)
        dataset.ImageOrientationPatient = [round(float(v), 9) for v in (*axes[:, 0], *axes[:, 1])]
        dataset.ImagePositionPatient = [round(float(v), 6) for v in (lps @ [0, 0, k, 1])[:3]]
        dataset.PixelSpacing = [float(spacing[1]), float(spacing[0])]
        dataset.SliceThickness = float(spacing[2])
        for name, value in tags.items():
            setattr(dataset, name, value)
        files.append(folder / f"IM{names[k]:04d}-{series[-6:]}")
        dataset.save_as(files[-1], enforce_file_format=True)
    return files


def _slice(voxels: np.ndarray, description: str, series: str, k: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[series, str(k)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    dataset.PatientID, dataset.PatientName, dataset.PatientSex = "anna", "Secret^Anna", "F"
    dataset.PatientBirthDate, dataset.StudyDate, dataset.StudyTime = "19850403", "20200305", "101500"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY, series
    dataset.StudyID, dataset.AccessionNumber, dataset.SeriesNumber, dataset.InstanceNumber = "1", "A1", 1, k + 1
    dataset.FrameOfReferenceUID = f"{STUDY}.9"
    dataset.Modality, dataset.SeriesDescription, dataset.StudyDescription = "MR", description, "MRI brain"
    dataset.Manufacturer, dataset.ManufacturerModelName = "SIEMENS", "Prisma"
    dataset.MagneticFieldStrength, dataset.ImageType = 3, ["ORIGINAL", "PRIMARY", "M"]
    dataset.PositionReferenceIndicator, dataset.ReferringPhysicianName = "", ""
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.Columns, dataset.Rows = voxels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelData = np.ascontiguousarray(voxels.T.astype(np.uint16)).tobytes()
    return dataset


def write_seg(path: Path, scan: list[Path], mask: np.ndarray, label: str = "MS lesions", **more: Any) -> Path:
    """Write ``mask`` (0 or 1, same axes as the data the series was written from) as a SEG object on that series."""
    datasets = sorted((pydicom.dcmread(file) for file in scan), key=lambda one: int(one.InstanceNumber))
    lesion = label == "MS lesions"
    segment = highdicom.seg.SegmentDescription(
        segment_number=1,
        segment_label=label,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure if lesion else codes.SCT.Organ,
        segmented_property_type=codes.SCT.Lesion if lesion else codes.SCT.Liver,
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
    )
    segmentation = highdicom.seg.Segmentation(
        source_images=datasets,
        pixel_array=np.ascontiguousarray(mask.transpose(2, 1, 0).astype(np.uint8)),
        segmentation_type=more.pop("segmentation_type", highdicom.seg.SegmentationTypeValues.BINARY),
        segment_descriptions=[segment],
        series_instance_uid=generate_uid(entropy_srcs=[label, "seg"]),
        series_number=9,
        sop_instance_uid=generate_uid(entropy_srcs=[label, path.name]),
        instance_number=1,
        manufacturer="Reader",
        manufacturer_model_name="Tool",
        software_versions="1",
        device_serial_number="0",
        **more,
    )
    segmentation.save_as(path)
    return path
