"""The base of all tasks: data folder, languages, selection, views, iterators. The tasks are in methods/."""
