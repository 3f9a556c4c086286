-- One page of the case list. $1 search text in lower case, $2 sort key, $3 descending, $4 rows, $5 first row.
SELECT *, count(*) OVER () AS found
FROM case_summary
WHERE $1 = ''
   OR contains(lower(patient_id), $1) OR contains(lower(coalesce(course, '')), $1)
   OR contains(replace(lower(coalesce(dmt, '')), '_', ' '), replace($1, '-', ' ')) OR contains(lower(coalesce(centre, '')), $1)
ORDER BY
    CASE WHEN $3 THEN NULL ELSE
        CASE $2 WHEN 'last_date' THEN strftime(last_date, '%Y-%m-%d') WHEN 'course' THEN course WHEN 'dmt' THEN dmt
                WHEN 'centre' THEN centre WHEN 'patient_id' THEN patient_id WHEN 'sex' THEN sex
                WHEN 'last_mri_date' THEN strftime(last_mri_date, '%Y-%m-%d') END END ASC NULLS LAST,
    CASE WHEN $3 THEN
        CASE $2 WHEN 'last_date' THEN strftime(last_date, '%Y-%m-%d') WHEN 'course' THEN course WHEN 'dmt' THEN dmt
                WHEN 'centre' THEN centre WHEN 'patient_id' THEN patient_id WHEN 'sex' THEN sex
                WHEN 'last_mri_date' THEN strftime(last_mri_date, '%Y-%m-%d') END END DESC NULLS LAST,
    CASE WHEN $3 THEN NULL ELSE
        CASE $2 WHEN 'last_edss' THEN last_edss WHEN 'relapses_24m' THEN relapses_24m WHEN 'last_new_t2' THEN last_new_t2
                WHEN 'age' THEN -epoch(birth_date) WHEN 'studies_with_images' THEN studies_with_images END END ASC NULLS LAST,
    CASE WHEN $3 THEN
        CASE $2 WHEN 'last_edss' THEN last_edss WHEN 'relapses_24m' THEN relapses_24m WHEN 'last_new_t2' THEN last_new_t2
                WHEN 'age' THEN -epoch(birth_date) WHEN 'studies_with_images' THEN studies_with_images END END DESC NULLS LAST,
    studies_with_images DESC, patient_id
LIMIT $4 OFFSET $5
