INSERT INTO erasure VALUES (sha256($value), $at)
