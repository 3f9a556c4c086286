-- The reference cohort, made once per version: EDSS, T2 lesion volume (ml) and sNfL (pg/mL) of at most $most people of each
-- kind, with age and disease duration in years. Who is among them follows from the pseudonym alone.
CREATE TABLE reference_point AS
WITH measured AS (
    SELECT 'edss' AS measure, patient_id, date, '' AS study_id, edss AS value FROM visit WHERE edss IS NOT NULL
    UNION ALL
    SELECT 'lesion_volume', patient_id, date, study_id, t2_volume_ml FROM mri
    WHERE t2_volume_ml IS NOT NULL AND region = 'brain'
    UNION ALL
    SELECT 'nfl', patient_id, date, '', value FROM lab WHERE analyte = 'nfl'
), people AS (
    SELECT measure, patient_id, coalesce(synthetic, false) AS synthetic, birth_date, onset_date
    FROM (SELECT DISTINCT measure, patient_id FROM measured) JOIN patient USING (patient_id)
), chosen AS (
    SELECT *, count(*) OVER (PARTITION BY measure, synthetic) AS of_people FROM people
    QUALIFY row_number() OVER (PARTITION BY measure, synthetic ORDER BY md5(patient_id)) <= $most
)
SELECT measure, synthetic, of_people,
       dense_rank() OVER (PARTITION BY measure, synthetic ORDER BY patient_id) AS person,
       date_diff('day', birth_date, date) / 365.25 AS age,
       date_diff('day', onset_date, date) / 365.25 AS duration,
       value,
       row_number() OVER (ORDER BY measure, synthetic, patient_id, date, study_id, value) AS place
FROM measured JOIN chosen USING (measure, patient_id)
ORDER BY place
