"""The corpora, each a file that reads its release tree."""
