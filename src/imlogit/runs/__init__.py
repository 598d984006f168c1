"""The jobs, each one call, and what they leave behind."""
