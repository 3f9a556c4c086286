-- Rows about one person, standing or superseded, by table.
SELECT 'patient' AS table_name, count(*) AS n FROM (SELECT patient_id FROM patient UNION ALL SELECT patient_id FROM superseded.patient) WHERE patient_id = $1
UNION ALL SELECT 'visit', count(*) FROM (SELECT patient_id FROM visit UNION ALL SELECT patient_id FROM superseded.visit) WHERE patient_id = $1
UNION ALL SELECT 'relapse', count(*) FROM (SELECT patient_id FROM relapse UNION ALL SELECT patient_id FROM superseded.relapse) WHERE patient_id = $1
UNION ALL SELECT 'treatment', count(*) FROM (SELECT patient_id FROM treatment UNION ALL SELECT patient_id FROM superseded.treatment) WHERE patient_id = $1
UNION ALL SELECT 'clinical_fact', count(*) FROM (SELECT patient_id FROM clinical_fact UNION ALL SELECT patient_id FROM superseded.clinical_fact) WHERE patient_id = $1
UNION ALL SELECT 'lab', count(*) FROM (SELECT patient_id FROM lab UNION ALL SELECT patient_id FROM superseded.lab) WHERE patient_id = $1
UNION ALL SELECT 'mri', count(*) FROM (SELECT patient_id FROM mri UNION ALL SELECT patient_id FROM superseded.mri) WHERE patient_id = $1
UNION ALL SELECT 'series', count(*) FROM (SELECT patient_id FROM series UNION ALL SELECT patient_id FROM superseded.series) WHERE patient_id = $1
UNION ALL SELECT 'lesion', count(*) FROM (SELECT patient_id FROM lesion UNION ALL SELECT patient_id FROM superseded.lesion) WHERE patient_id = $1
UNION ALL SELECT 'registration', count(*) FROM registration WHERE patient_id = $1
UNION ALL SELECT 'aligned', count(*) FROM aligned WHERE patient_id = $1
UNION ALL SELECT 'lesion_course', count(*) FROM lesion_course WHERE patient_id = $1
UNION ALL SELECT 'study_pair', count(*) FROM study_pair WHERE patient_id = $1
UNION ALL SELECT 'mesh', count(*) FROM mesh WHERE patient_id = $1
