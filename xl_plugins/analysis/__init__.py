"""What a model has learnt, in numbers and pictures: ``xl-analyze``."""
