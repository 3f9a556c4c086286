"""What would have happened under every therapy: expected given what a doctor can record, and as it came."""
