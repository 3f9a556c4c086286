"""Image files to arrays, lesions, display copies: no Dash, no SQL."""
