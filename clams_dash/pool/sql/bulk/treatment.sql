-- One therapy after another, 50 days between them; the last goes on.
SELECT patient_id, dmt, first_seen + 700 * k AS start_date,
       CASE WHEN k < courses - 1 THEN first_seen + 700 * k + 650 END AS stop_date,
       CASE WHEN k < courses - 1 THEN 'breakthrough_activity' END AS stop_reason
FROM (SELECT *, 1 + draw(n, k, 'therapy', (SELECT count(*) FROM bulk_dmt)) AS number
      FROM (SELECT *, unnest(range(courses))::INTEGER AS k FROM bulk_person))
JOIN bulk_dmt USING (number)
