"""Synthetic corpora in the same layouts, so that all code runs without a licensed one."""
