"""Someone's own split, and what was predicted on it, held against a sound protocol."""
