"""A fitted model: as a file, as a value, and as what answers."""
