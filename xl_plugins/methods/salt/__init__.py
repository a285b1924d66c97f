"""SALT: embeddings of a text mixed with those of its counterpart."""
