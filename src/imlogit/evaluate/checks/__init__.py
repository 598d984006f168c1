"""Coded checks of images, labels, splits and fits: one function, one code, one row each."""
