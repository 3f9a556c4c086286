-- Every EDSS of the reference people, with age and disease duration in years.
SELECT dense_rank() OVER (ORDER BY v.patient_id) AS person,
       date_diff('day', p.birth_date, v.date) / 365.25 AS age,
       date_diff('day', p.onset_date, v.date) / 365.25 AS duration,
       v.edss AS value
FROM visit v JOIN patient p USING (patient_id)
WHERE v.edss IS NOT NULL AND coalesce(p.synthetic, false) = $1
ORDER BY v.patient_id, v.date
