-- What a search finds besides pseudonyms: every course, therapy and centre of the case list, and how many people have it.
CREATE TABLE case_word AS
SELECT 'course' AS field, course AS value, lower(course) AS word, count(*) AS people
FROM case_summary WHERE course IS NOT NULL GROUP BY course
UNION ALL
SELECT 'dmt', dmt, replace(lower(dmt), '_', ' '), count(*) FROM case_summary WHERE dmt IS NOT NULL GROUP BY dmt
UNION ALL
SELECT 'centre', centre, lower(centre), count(*) FROM case_summary WHERE centre IS NOT NULL GROUP BY centre
