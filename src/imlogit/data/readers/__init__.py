"""One file a kind of source: what it accepts, which files it looks at, and how it is read."""
