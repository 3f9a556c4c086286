"""A pool that several machines share: a PostgreSQL database names the versions, their tables are Parquet files."""
