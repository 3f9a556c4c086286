SELECT display_path, display_sha256, patient_id FROM series WHERE series_id = ? AND display_path IS NOT NULL
