"""What is printed: tables, and images drawn in characters."""
