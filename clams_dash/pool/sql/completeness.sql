SELECT * FROM completeness
