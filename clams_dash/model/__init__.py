"""Records of one case, the tables of the pool, and the catalogues. Imports nothing else of the project."""
