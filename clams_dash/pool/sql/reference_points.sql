-- Measurements $1 of the reference people, of the synthetic ones ($2) or of all others.
SELECT person, age, duration, value, of_people FROM reference_point WHERE measure = $1 AND synthetic = $2 ORDER BY place
