"""Tags of words: parts of speech, named entities."""
