"""Meaning: the encoder and its runtimes, vectors, nearest neighbours."""
