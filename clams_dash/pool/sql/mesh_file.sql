SELECT path, sha256 FROM mesh WHERE mesh_id = ?
