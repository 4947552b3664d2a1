"""Checkpoints of networks that learnt on other data: checked, opened, fetched and, for the demo, made."""
