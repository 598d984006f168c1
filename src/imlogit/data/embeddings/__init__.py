"""Embeddings of images, and their labels, in the files that networks leave them in."""
