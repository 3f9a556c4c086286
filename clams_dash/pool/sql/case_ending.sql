-- Every ending of every pseudonym in lower case, cut to 8 letters and sorted: people whose pseudonym holds a text anywhere
-- are a range of endings that begin with it.
CREATE TABLE case_ending AS
SELECT substr(name, first, 8) AS ending, place
FROM (SELECT lower(patient_id) AS name, place, unnest(range(1, length(patient_id) + 1)) AS first FROM case_summary)
ORDER BY ending, place
