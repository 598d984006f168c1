"""What was read before: entries by their content, and notes of where they came from."""
