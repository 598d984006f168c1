"""The mathematics: columns, the engine contract, the solver and its certificate.

Only NumPy and SciPy are imported here, and no engine.
"""
