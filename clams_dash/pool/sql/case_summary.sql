-- One row per patient for the case list, made once per pool version, in the order that the list has at first; place is
-- the row's number in it, from 0.
CREATE TABLE case_summary AS
WITH last_visit AS (
    SELECT patient_id, max(date) AS last_visit_date, arg_max(edss, date) FILTER (edss IS NOT NULL) AS last_edss,
           max(date) FILTER (edss IS NOT NULL) AS last_edss_date
    FROM visit GROUP BY patient_id
), last_dates AS (
    SELECT patient_id, max(date) AS last_date FROM (
        SELECT patient_id, date FROM visit
        UNION ALL SELECT patient_id, date FROM relapse
        UNION ALL SELECT patient_id, date FROM lab
        UNION ALL SELECT patient_id, date FROM mri
        UNION ALL SELECT patient_id, date FROM clinical_fact
        UNION ALL SELECT patient_id, start_date FROM treatment
        UNION ALL SELECT patient_id, stop_date FROM treatment WHERE stop_date IS NOT NULL
    ) GROUP BY patient_id
), current_treatment AS (
    SELECT patient_id, arg_max(dmt, start_date) AS dmt, max(start_date) AS dmt_start
    FROM treatment WHERE stop_date IS NULL AND dmt <> 'none' GROUP BY patient_id
), relapses AS (
    SELECT r.patient_id, count(*) AS relapses_24m
    FROM relapse r JOIN last_dates d USING (patient_id)
    WHERE r.date > d.last_date - INTERVAL 24 MONTH GROUP BY r.patient_id
), scans AS (
    SELECT m.patient_id, count(*) AS studies, max(m.date) AS last_mri_date,
           arg_max(m.new_t2, m.date) FILTER (m.new_t2 IS NOT NULL) AS last_new_t2
    FROM mri m GROUP BY m.patient_id
), images AS (
    SELECT patient_id, count(DISTINCT study_id) AS studies_with_images
    FROM series WHERE display_path IS NOT NULL AND sequence NOT IN ('lesion_mask', 'change_mask') GROUP BY patient_id
)
SELECT p.patient_id, p.sex, p.birth_date, p.course, p.centre, p.synthetic, p.onset_date,
       d.last_date, v.last_visit_date, v.last_edss, v.last_edss_date, t.dmt, t.dmt_start,
       coalesce(r.relapses_24m, 0) AS relapses_24m,
       (SELECT count(*) FROM relapse x WHERE x.patient_id = p.patient_id) > 0 AS has_relapse_record,
       p.patient_id IN (SELECT patient_id FROM treatment) AS has_treatment_record,
       coalesce(s.studies, 0) AS studies, s.last_mri_date, s.last_new_t2,
       coalesce(i.studies_with_images, 0) AS studies_with_images,
       (row_number() OVER (ORDER BY coalesce(i.studies_with_images, 0) DESC, p.patient_id) - 1)::INTEGER AS place
FROM patient p
LEFT JOIN last_dates d USING (patient_id)
LEFT JOIN last_visit v USING (patient_id)
LEFT JOIN current_treatment t USING (patient_id)
LEFT JOIN relapses r USING (patient_id)
LEFT JOIN scans s USING (patient_id)
LEFT JOIN images i USING (patient_id)
ORDER BY place
