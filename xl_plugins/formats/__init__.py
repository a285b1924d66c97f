"""Reading what others wrote: packed files, encodings, lines, JSON and tables. Imports neither torch nor fairseq."""
