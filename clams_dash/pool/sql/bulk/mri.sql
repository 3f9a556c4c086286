SELECT 'S' || upper(substr(md5(concat_ws('|', patient_id, k)), 1, 16)) AS study_id, patient_id,
       first_seen + 365 * k + draw(n, k, 'study day', 50) AS date, false AS date_approximate, 'brain' AS region,
       [1.5, 3.0][1 + draw(n, k, 'field', 2)] AS field_t, true AS gd_given, draw(n, k, 'new', 3) AS new_t2,
       draw(n, k, 'enlarging', 2) AS enlarging_t2, draw(n, k, 'enhancing', 2) AS gd_lesions,
       5 + draw(n, k, 'count', 40) AS t2_count, 1 + draw(n, k, 'volume', 300) / 10 AS t2_volume_ml,
       1100 + draw(n, k, 'brain', 300) AS brain_volume_ml
FROM (SELECT *, unnest(range(studies))::INTEGER AS k FROM bulk_person)
