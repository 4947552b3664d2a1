"""Protocols, and the splits that they make: who trains, develops and tests."""
