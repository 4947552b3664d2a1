"""From predictions to numbers and their intervals."""
