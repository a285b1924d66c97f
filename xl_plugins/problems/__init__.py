"""What is predicted: sentence pairs, tags of words, answers to questions."""
