-- How many people the pool holds, counted once per version.
CREATE TABLE pool_count AS
SELECT count(*) AS patients, count(*) FILTER (synthetic) AS synthetic,
       count(*) FILTER (NOT coalesce(synthetic, false)) AS not_synthetic,
       count(*) FILTER (studies_with_images > 0) AS with_images
FROM case_summary
