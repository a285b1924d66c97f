"""Making training data from data: commands of ``xl-augment``, each a module with ``SUMMARY``, ``EPILOG``,
``add_arguments(parser)`` and ``run(args) -> int``."""
