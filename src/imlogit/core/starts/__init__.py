"""Where descents begin: at the base rate, where a subset leads, or at the optimum in row space."""
