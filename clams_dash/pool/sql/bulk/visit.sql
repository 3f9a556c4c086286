-- EDSS from its steps 0, 1.0, 1.5 ...; one functional system is left out, as it often is.
SELECT patient_id, first_seen + 180 * k + draw(n, k, 'visit day', 50) AS date, false AS date_approximate,
       CASE WHEN step = 0 THEN 0.0 ELSE 0.5 + 0.5 * step END AS edss,
       draw(n, k, 'visual', 4) AS fs_visual, draw(n, k, 'brainstem', 3) AS fs_brainstem,
       draw(n, k, 'pyramidal', 4) AS fs_pyramidal, draw(n, k, 'cerebellar', 4) AS fs_cerebellar,
       draw(n, k, 'sensory', 4) AS fs_sensory, draw(n, k, 'bladder', 3) AS fs_bowel_bladder,
       4 + draw(n, k, 't25fw', 60) / 10 AS t25fw_s, 15 + draw(n, k, 'hand', 150) / 10 AS hpt9_dominant_s,
       16 + draw(n, k, 'other hand', 150) / 10 AS hpt9_nondominant_s, 30 + draw(n, k, 'sdmt', 40) AS sdmt
FROM (SELECT *, least(19, steps + draw(n, k, 'edss', 2) + k // 4) AS step
      FROM (SELECT *, unnest(range(visits))::INTEGER AS k FROM bulk_person))
