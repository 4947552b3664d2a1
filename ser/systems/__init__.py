"""The systems of the papers and the baselines, each a file with `Settings` and `run`."""
