"""The science of the pipeline: corpora, features, systems, protocols, metrics. Knows no workflow tool."""
