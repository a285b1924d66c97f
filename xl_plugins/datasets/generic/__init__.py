"""Readers of files in a general format, whatever data set they hold."""
