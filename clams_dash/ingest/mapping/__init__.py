"""A centre's own tables, described by a mapping file: its model, its use, and a first draft from the files."""
