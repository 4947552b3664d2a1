"""Whether the results follow from what is on the disk, and where each number comes from."""
