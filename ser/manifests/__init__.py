"""From recordings to the manifest, the one list of utterances that all later stages read."""
