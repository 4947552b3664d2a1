"""The kinds of features, each a file with `Settings` and `extractor`."""
