"""From recordings to the manifest, the one list of utterances that stores and splits are made from."""
