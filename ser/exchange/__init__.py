"""Splits as files for other tools: `formats/` has a file per format, which is a word for `ser splits --to`."""
