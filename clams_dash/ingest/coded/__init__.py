"""Records with codes of other systems (SNOMED CT, LOINC, RxNorm, ATC) turned into rows of the pool's tables."""
