"""Engines: whatever can add up over images what the solver asks for."""
