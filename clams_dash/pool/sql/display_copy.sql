-- Display copy of a series, on its own grid or on its person's.
SELECT display_path, display_sha256, patient_id, shape, spacing_mm, origin_mm
FROM series WHERE series_id = $1 AND display_path IS NOT NULL
UNION ALL
SELECT display_path, display_sha256, patient_id, shape, spacing_mm, origin_mm
FROM aligned WHERE series_id = $1 AND display_path IS NOT NULL
