"""The common part of the commands."""
