"""What is computed once per corpus and read many times."""
