"""The report: all results as one page that opens without a server or a network."""
