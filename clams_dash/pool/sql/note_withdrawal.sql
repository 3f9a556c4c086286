UPDATE import_batch SET withdrawn_at = $at WHERE batch_id = $value
