SELECT patient_id, CASE WHEN draw(n, 0, 'sex', 4) = 0 THEN 'male' ELSE 'female' END AS sex, born AS birth_date,
       false AS birth_date_approximate, first_seen - draw(n, 0, 'onset', 3000) AS onset_date,
       first_seen - 30 AS diagnosis_date,
       ['RRMS', 'RRMS', 'RRMS', 'RRMS', 'SPMS', 'PPMS', 'CIS'][1 + draw(n, 0, 'course', 7)] AS course,
       'Centre ' || lpad((1 + draw(n, 0, 'centre', 40))::VARCHAR, 2, '0') AS centre, true AS synthetic
FROM bulk_person
