"""Tables worked out from a person's studies together: one space per person, and what is compared in it.

Their rows stand as long as the person's studies, series and lesions do: an import that brings or corrects one of these
brings the person's derived rows anew, a withdrawn import drops them, and an erased person's go. They come from no file.
"""

from __future__ import annotations

from clams_dash.model.description import Column, Table

REFERENCE_SPACE = "common grid of the person"
"""``Series.space`` of display copies that all lie on the one grid of their person."""

_STUDY = Column("study_id", "text", "study", required=True)
_PATIENT = Column("patient_id", "text", "pseudonym of the study's patient", required=True)
_BATCH = Column("batch_id", "text", "import that worked it out", required=True)
_QUALITY = ("pass", "doubtful", "fail")

REGISTRATION = Table(
    "registration",
    "how each study lies in the space of its person's reference study",
    (
        _STUDY,
        _PATIENT,
        Column(
            "reference_study_id", "text", "the person's reference study; its own row is the identity", required=True
        ),
        Column("matrix", "numbers", "4 x 4, row by row: mm RAS+ of the reference to mm RAS+ of the study"),
        Column("metric", "number", "normalised mutual information of the two scans in the brain, 1 to 2"),
        Column("overlap", "number", "share of the reference's brain that lies inside the study's field of view"),
        Column("error_mm", "number", "mean disagreement over the brain of two ways to the same result", unit="mm"),
        Column("quality", "text", "pass; doubtful and fail are never compared", required=True, choices=_QUALITY),
        Column("reason", "text", "what speaks for or against it, in words", required=True),
        Column("sequence", "text", "sequence that was registered"),
        Column(
            "template", "numbers", "4 x 4: mm RAS+ of the reference to mm of MNI152; affine, on the reference's row"
        ),
        Column("inputs", "text", "digest of all it was made of, method included: the same inputs are not worked again"),
        _BATCH,
    ),
    key=("study_id",),
    order=("patient_id", "study_id"),
    replaces=(),
)

ALIGNED = Table(
    "aligned",
    "display copies on the one grid of their person, for reading prior and current at the same place",
    (
        Column("series_id", "text", "opaque id of the copy, used in addresses", required=True),
        _STUDY,
        _PATIENT,
        Column("sequence", "text", "sequence, lesion_mask, difference or lesion_change", required=True),
        Column("source_series_id", "text", "series it was made of, where it is one"),
        Column("matrix", "numbers", "4 x 4: mm RAS+ of the reference to mm RAS+ of that series"),
        Column("shape", "wholes", "voxels along right, anterior, superior", required=True),
        Column("spacing_mm", "numbers", "voxel size, same axes", unit="mm", required=True),
        Column("origin_mm", "numbers", "centre of the first voxel, RAS+ of the reference", unit="mm", required=True),
        Column("box_mm", "numbers", "box of the head: low corner, high corner", unit="mm"),
        Column("focus_mm", "numbers", "point to open a mask at: inside its largest component", unit="mm"),
        Column("display_path", "text", "file (.vti) relative to imaging/; missing for an empty mask"),
        Column("display_sha256", "text", "digest of that file"),
        Column("window_low", "number", "level of the 8-bit copy shown as black"),
        Column("window_high", "number", "level shown as white"),
        _BATCH,
    ),
    key=("series_id",),
    order=("patient_id", "study_id", "sequence"),
    replaces=(),
)

_CHANGES = ("new", "enlarging", "stable", "shrinking", "resolved")
_GRADES = ("high", "moderate", "low")

LESION_COURSE = Table(
    "lesion_course",
    "what became of each component of a lesion mask: the same lesion across the person's studies",
    (
        _STUDY,
        _PATIENT,
        Column("lesion_id", "whole", "component, as in table lesion", required=True),
        Column("track_id", "text", "site: components that overlap from study to study", required=True),
        Column("region", "text", "region, by distance to ventricles, cortex and brainstem", required=True),
        Column(
            "change", "text", "against the study compared with; missing where nothing is compared", choices=_CHANGES
        ),
        Column("prior_lesions", "wholes", "the same lesion's components in the study compared with"),
        Column("event", "text", "split, merge or regrouped, where it is not one and one"),
        Column("prior_volume_mm3", "number", "volume of those components", unit="mm3"),
        Column("group_volume_mm3", "number", "volume now of all components of the lesion", unit="mm3"),
        Column("change_error_mm3", "number", "error of the difference of the two, 95 %", unit="mm3"),
        Column("percent_per_year", "number", "change in a year", unit="%"),
        Column("undecided", "flag", "fast enough to count, but within its own error: counted as stable"),
        Column("seen_before", "flag", "new, at a place that held a lesion in an earlier study"),
        Column("volume_error_mm3", "number", "error of the component's volume, 95 %", unit="mm3"),
        Column("reliability", "text", "grade of the volume by its error", choices=_GRADES),
        Column("reference_r", "number", "a voxel inside, right positive, RAS+ of the person's reference", unit="mm"),
        Column("reference_a", "number", "the same, anterior positive", unit="mm"),
        Column("reference_s", "number", "the same, superior positive", unit="mm"),
        Column("t1_share", "number", "signal on T1 as a share of the white matter around"),
        Column("black_hole", "flag", "dark on T1 and not enhancing; missing = no T1"),
        Column("enhancing", "flag", "brighter on T1 after contrast than before; missing = not both"),
        _BATCH,
    ),
    key=("study_id", "lesion_id"),
    order=("patient_id", "study_id", "lesion_id"),
    replaces=(),
)

STUDY_PAIR = Table(
    "study_pair",
    "what the lesion mask of a study shows, alone and against an earlier one; no counts where they are not comparable",
    (
        _STUDY,
        _PATIENT,
        Column("prior_study_id", "text", "study compared with; missing = none earlier"),
        Column("comparable", "flag", "whether the pair may be compared; missing = there is no pair"),
        Column("reasons", "texts", "why not, or with what caution"),
        Column("interval_days", "whole", "days between them", unit="days"),
        Column("registration_error_mm", "number", "how far the two may be misplaced, mean over the brain", unit="mm"),
        Column("t2_count", "whole", "components of at least 14.0 mm3"),
        Column("t2_count_low", "whole", "the least it may be"),
        Column("t2_count_high", "whole", "the most it may be"),
        Column("t2_count_grade", "text", "grade of the count", choices=_GRADES),
        Column("t2_volume_ml", "number", "volume of the mask", unit="ml"),
        Column("t2_volume_error_ml", "number", "its error, 95 %", unit="ml"),
        Column("t2_volume_grade", "text", "grade of the volume", choices=_GRADES),
        Column("new", "whole", "new lesions of at least 14.0 mm3"),
        Column("new_low", "whole", "the least it may be"),
        Column("new_high", "whole", "the most it may be"),
        Column("new_grade", "text", "grade of the count", choices=_GRADES),
        Column("enlarging", "whole", "lesions that enlarge by the rule"),
        Column("enlarging_low", "whole", "the least it may be"),
        Column("enlarging_high", "whole", "the most it may be"),
        Column("enlarging_grade", "text", "grade of the count", choices=_GRADES),
        Column("stable", "whole", "lesions that stay"),
        Column("shrinking", "whole", "lesions that shrink by the mirrored rule"),
        Column("resolved", "whole", "lesions of the prior study of which nothing is left"),
        Column("resolved_lesions", "wholes", "their numbers in the prior study"),
        Column("undecided", "whole", "stable ones whose change would count but lies within its error"),
        Column("reappeared", "whole", "new ones at a place that held a lesion in an earlier study"),
        Column("volume_change_ml", "number", "change of the whole mask's volume", unit="ml"),
        Column("volume_change_error_ml", "number", "its error, 95 %", unit="ml"),
        Column("black_holes", "whole", "lesions dark on T1; missing = no T1"),
        Column("black_hole_volume_ml", "number", "their volume", unit="ml"),
        Column("enhancing", "whole", "lesions of the mask that enhance; missing = not both T1 images"),
        Column("brain_change_percent", "number", "brain volume against the prior study", unit="%"),
        Column("brain_change_error_percent", "number", "its error, 95 %", unit="%"),
        _BATCH,
    ),
    key=("study_id",),
    order=("patient_id", "study_id"),
    replaces=(),
)

MESH = Table(
    "mesh",
    "surfaces for the view in three dimensions",
    (
        Column("mesh_id", "text", "opaque id of the surface, used in addresses", required=True),
        _STUDY,
        _PATIENT,
        Column(
            "kind", "text", "what it is the surface of", required=True,
            choices=("brain", "lesions_new", "lesions_enlarging", "lesions_stable", "lesions_resolved"),
        ),
        Column("common_space", "flag", "whether it lies in the person's reference space, else in the study's own"),
        Column("path", "text", "file (.vtp) relative to imaging/", required=True),
        Column("sha256", "text", "digest of that file", required=True),
        Column("bytes", "whole", "its size"),
        _BATCH,
    ),
    key=("mesh_id",),
    order=("patient_id", "study_id", "kind"),
    replaces=(),
)  # fmt: skip

DERIVED_TABLES: tuple[Table, ...] = (REGISTRATION, ALIGNED, LESION_COURSE, STUDY_PAIR, MESH)
