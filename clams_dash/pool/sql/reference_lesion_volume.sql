-- Every T2 lesion volume (ml) of the reference people, with age and disease duration in years.
SELECT dense_rank() OVER (ORDER BY m.patient_id) AS person,
       date_diff('day', p.birth_date, m.date) / 365.25 AS age,
       date_diff('day', p.onset_date, m.date) / 365.25 AS duration,
       m.t2_volume_ml AS value
FROM mri m JOIN patient p USING (patient_id)
WHERE m.t2_volume_ml IS NOT NULL AND m.region = 'brain' AND coalesce(p.synthetic, false) = $1
ORDER BY m.patient_id, m.date, m.study_id
