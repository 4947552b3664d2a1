"""What `ser init` writes: files for a new system or corpus, to be edited."""
