SELECT patient_id, first_seen + 500 * k + draw(n, k, 'relapse day', 300) AS date,
       ['visual', 'pyramidal', 'sensory;pyramidal', 'brainstem'][1 + draw(n, k, 'systems', 4)] AS functional_systems,
       ['mild', 'moderate', 'severe'][1 + draw(n, k, 'severity', 3)] AS severity, draw(n, k, 'steroids', 2) = 1 AS steroids,
       ['complete', 'partial'][1 + draw(n, k, 'recovery', 2)] AS recovery
FROM (SELECT *, unnest(range(relapses))::INTEGER AS k FROM bulk_person)
