"""The verdict: scores with intervals, and cross-validation. Tables, no pictures."""
