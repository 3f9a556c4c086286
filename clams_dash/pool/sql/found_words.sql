-- Courses, therapies and centres that hold the text $1 (lower case).
SELECT field, value, people FROM case_word
WHERE contains(word, CASE field WHEN 'dmt' THEN replace($1, '-', ' ') ELSE $1 END)
ORDER BY field, value
