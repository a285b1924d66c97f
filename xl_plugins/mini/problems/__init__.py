"""The examples of each problem, drawn from the grammar."""
