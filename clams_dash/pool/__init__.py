"""The DuckDB pool: the only place that knows SQL of the pool."""
