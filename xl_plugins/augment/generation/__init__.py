"""What the offline generation of texts shares: the text it starts from, the files it leaves."""
