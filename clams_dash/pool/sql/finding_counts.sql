SELECT r.batch_id, r.table_name, r.rule, r.severity, count(*) AS count
FROM reject r JOIN import_batch b USING (batch_id)
WHERE b.withdrawn_at IS NULL
GROUP BY ALL
ORDER BY r.severity, count DESC, r.table_name, r.rule, r.batch_id
