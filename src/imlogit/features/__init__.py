"""Features: from images to numbers that a linear model can use, step by step."""
