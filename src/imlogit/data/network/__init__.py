"""Downloads with deadlines and hashes, and OpenML's interface."""
