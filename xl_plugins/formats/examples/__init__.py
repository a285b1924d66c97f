"""Files of examples: tables of pairs, sentences with tags, questions, lines; read in little memory."""
