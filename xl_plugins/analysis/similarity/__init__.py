"""How alike languages are to an encoder: CKA, centroids, retrieval and projections of parallel text."""
