"""Look into a model and its data, in numbers and pictures: ``xl-analyze``."""
