"""Folders of packed images: what is in one, how it is written, and how it is read."""
