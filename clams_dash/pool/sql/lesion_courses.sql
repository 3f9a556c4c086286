-- Lesions measured from masks carry what became of them; what a table of lesions told of others stays.
UPDATE lesion SET track_id = known.track_id, region = coalesce(known.region, 'unknown'), change = known.change
FROM (
    SELECT l.study_id, l.lesion_id, c.track_id, c.region, c.change
    FROM lesion l
    JOIN (SELECT DISTINCT study_id FROM series WHERE sequence = 'lesion_mask') masked USING (study_id)
    LEFT JOIN lesion_course c ON c.study_id = l.study_id AND c.lesion_id = l.lesion_id
) AS known
WHERE lesion.study_id = known.study_id AND lesion.lesion_id = known.lesion_id
