"""Estimators: scikit-learn's conventions around the core."""
