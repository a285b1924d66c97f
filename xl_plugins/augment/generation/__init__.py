"""The common part of the offline generation of texts: the text it starts from, the files it leaves."""
