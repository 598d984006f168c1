"""Linear probes of embeddings, by the names of their protocols."""
