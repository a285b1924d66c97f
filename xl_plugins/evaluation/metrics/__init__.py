"""How each of XTREME's tasks is scored, and the counters of one example."""
