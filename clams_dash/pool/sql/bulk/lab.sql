SELECT patient_id, first_seen + 150 * k + draw(n, k, 'lab day', 50) AS date, analyte, loinc,
       round(low + (high - low) * draw(n, k, 'result', 1000) / 1000, 2) AS value, unit, lower_limit, upper_limit,
       'serum' AS specimen
FROM (SELECT *, 1 + (n + k) % (SELECT count(*) FROM bulk_analyte) AS number
      FROM (SELECT *, unnest(range(labs))::INTEGER AS k FROM bulk_person))
JOIN bulk_analyte USING (number)
