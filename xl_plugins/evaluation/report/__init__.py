"""Results, and tables of them: several systems, their significance, the overall table."""
