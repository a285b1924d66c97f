"""The problems, that is, what is predicted: sentence pairs, tags of words, answers to questions."""
