"""Names of the scores of a pair of sentences, and of the ways to mine pairs (functional.scores.retrieval)."""

MARGINS = ("ratio", "distance", "absolute")
MINING = ("max", "intersection", "forward")
