SELECT 'patient' AS table_name, count(*) AS n FROM patient
UNION ALL SELECT 'visit', count(*) FROM visit
UNION ALL SELECT 'relapse', count(*) FROM relapse
UNION ALL SELECT 'treatment', count(*) FROM treatment
UNION ALL SELECT 'clinical_fact', count(*) FROM clinical_fact
UNION ALL SELECT 'lab', count(*) FROM lab
UNION ALL SELECT 'mri', count(*) FROM mri
UNION ALL SELECT 'series', count(*) FROM series
UNION ALL SELECT 'lesion', count(*) FROM lesion
UNION ALL SELECT 'registration', count(*) FROM registration
UNION ALL SELECT 'aligned', count(*) FROM aligned
UNION ALL SELECT 'lesion_course', count(*) FROM lesion_course
UNION ALL SELECT 'study_pair', count(*) FROM study_pair
UNION ALL SELECT 'mesh', count(*) FROM mesh
