"""The base of all tasks: data folder, languages, selection, augmentation, iterators. The tasks are in methods/."""
