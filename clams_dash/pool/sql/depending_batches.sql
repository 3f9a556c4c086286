-- Imports with rows of people whom only the batch $1 brings.
WITH rows AS (
    SELECT patient_id, batch_id FROM visit UNION ALL SELECT patient_id, batch_id FROM relapse
    UNION ALL SELECT patient_id, batch_id FROM treatment UNION ALL SELECT patient_id, batch_id FROM clinical_fact
    UNION ALL SELECT patient_id, batch_id FROM lab UNION ALL SELECT patient_id, batch_id FROM mri
    UNION ALL SELECT patient_id, batch_id FROM series UNION ALL SELECT patient_id, batch_id FROM lesion
), brought AS (
    SELECT patient_id, batch_id FROM patient UNION ALL SELECT patient_id, batch_id FROM superseded.patient
)
SELECT DISTINCT batch_id FROM rows
WHERE batch_id <> $1
  AND patient_id IN (SELECT patient_id FROM brought GROUP BY patient_id HAVING bool_and(batch_id = $1))
ORDER BY batch_id
