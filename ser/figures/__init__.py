"""Figures of the results: drawn in the report's page, and as files for papers."""
