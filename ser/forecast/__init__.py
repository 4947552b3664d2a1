"""What of a plan is done and what is left, and how long it takes."""
