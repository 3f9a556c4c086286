SELECT * FROM pool_count
