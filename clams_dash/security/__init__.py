"""Request guard and response headers."""
