"""What is to be computed, and where it goes: params.yaml and experiments/, read while the workflow is parsed."""
