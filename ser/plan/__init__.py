"""What is to be computed, and where it lies: params.yaml and experiments/, read while the workflow is parsed."""
