"""What the pipeline plans and computes: corpora, features, protocols, systems, metrics, the table."""
