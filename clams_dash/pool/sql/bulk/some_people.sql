-- A thousand people of the pool, the same each time.
SELECT patient_id FROM patient ORDER BY md5(patient_id) LIMIT 1000
