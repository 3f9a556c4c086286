-- Every image file that a row names, standing or superseded.
SELECT path AS file FROM series UNION SELECT display_path FROM series WHERE display_path IS NOT NULL
UNION SELECT path FROM superseded.series
UNION SELECT display_path FROM superseded.series WHERE display_path IS NOT NULL
UNION SELECT display_path FROM aligned WHERE display_path IS NOT NULL
UNION SELECT path FROM mesh
