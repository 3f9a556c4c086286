-- Faults of all imports that were not withdrawn.
SELECT r.* FROM reject r JOIN import_batch b USING (batch_id)
WHERE b.withdrawn_at IS NULL
ORDER BY b.started_at DESC, r.batch_id, r.severity, r.table_name, r.source_file, r.source_row
