"""What a tracking server shows of runs and groups."""
