"""The MRI viewer: what a scene shows, how it is laid out, what connects it. Knows no case and no pool."""
