-- A whole number below a limit that follows from a person, a row of theirs and what is drawn.
CREATE TEMP MACRO draw(n, k, what, below) AS (hash(n, k, what) % below)::INTEGER
