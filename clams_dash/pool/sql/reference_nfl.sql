-- Every sNfL (pg/mL) of the reference people, with age and disease duration in years.
SELECT dense_rank() OVER (ORDER BY l.patient_id) AS person,
       date_diff('day', p.birth_date, l.date) / 365.25 AS age,
       date_diff('day', p.onset_date, l.date) / 365.25 AS duration,
       l.value
FROM lab l JOIN patient p USING (patient_id)
WHERE l.analyte = 'nfl' AND coalesce(p.synthetic, false) = $1
ORDER BY l.patient_id, l.date
