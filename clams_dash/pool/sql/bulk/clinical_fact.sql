SELECT patient_id, first_seen + 30 * k AS date, ['bmi', 'smoking'][1 + k] AS kind,
       [(18 + draw(n, 0, 'bmi', 15))::VARCHAR, ['never', 'former', 'current'][1 + draw(n, 0, 'smoking', 3)]][1 + k] AS value
FROM (SELECT *, unnest([0, 1]) AS k FROM bulk_person)
