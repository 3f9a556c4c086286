"""What people say about the pool's facts: kept in a file of its own, append-only, never in the pool."""
