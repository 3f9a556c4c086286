SELECT * FROM import_batch ORDER BY started_at DESC, batch_id
