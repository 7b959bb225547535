"""Semantic search: the encoder and its runtimes, vectors and nearest neighbours."""
