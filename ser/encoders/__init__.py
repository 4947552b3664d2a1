"""Checkpoints of networks trained on other data: checked, opened, fetched and, for the demo, made."""
