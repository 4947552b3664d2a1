"""Using what was trained: predictions of new recordings, and rows to take along."""
