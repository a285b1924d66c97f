"""From raw files to a binarised folder, for each kind of problem."""
