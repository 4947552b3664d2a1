"""Protocols, and the splits made from them: which utterances train, develop and test."""
