"""Data sets in the files in which they were published."""
