"""XLA: three models that label training text for each other."""
