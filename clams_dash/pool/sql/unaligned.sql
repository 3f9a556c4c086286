-- People with images of two studies of the brain or more, of whom nothing says how these lie over each other.
SELECT m.patient_id
FROM mri m
SEMI JOIN series s ON s.study_id = m.study_id AND s.window_low IS NOT NULL
ANTI JOIN registration r ON r.patient_id = m.patient_id
WHERE coalesce(m.region, 'brain') IN ('brain', 'unknown')
GROUP BY m.patient_id
HAVING count(*) > 1
ORDER BY m.patient_id
