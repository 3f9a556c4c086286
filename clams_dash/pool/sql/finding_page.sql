-- One page of faults of imports that stand. $1 batch, $2 table, $3 severity, $4 rule ('' = all), $5 rows, $6 first row.
SELECT r.*, r.patient_id IN (SELECT patient_id FROM patient) AS in_pool, count(*) OVER () AS found
FROM reject r JOIN import_batch b USING (batch_id)
WHERE b.withdrawn_at IS NULL
  AND ($1 = '' OR r.batch_id = $1) AND ($2 = '' OR r.table_name = $2)
  AND ($3 = '' OR r.severity = $3) AND ($4 = '' OR r.rule = $4)
ORDER BY b.started_at DESC, r.batch_id, r.severity, r.table_name, r.rule, r.source_file, r.source_row, r.column_name, r.reason
LIMIT $5 OFFSET $6
