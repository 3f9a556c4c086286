-- $people made-up people of the seed $seed: when they were born and first seen, and how many rows of each table they have.
CREATE TEMP TABLE bulk_person AS
SELECT n, 'P' || upper(substr(md5(concat_ws('|', $seed, n)), 1, 16)) AS patient_id,
       DATE '1945-01-01' + draw(n, 0, 'born', 18000) AS born, DATE '2008-01-01' + draw(n, 0, 'first seen', 3000) AS first_seen,
       draw(n, 0, 'steps', 9) AS steps,
       6 + draw(n, 0, 'visits', 9) AS visits, 6 + draw(n, 0, 'labs', 9) AS labs, 2 + draw(n, 0, 'studies', 5) AS studies,
       1 + draw(n, 0, 'courses', 3) AS courses, draw(n, 0, 'relapses', 5) AS relapses
FROM (SELECT range::INTEGER AS n FROM range($people))
