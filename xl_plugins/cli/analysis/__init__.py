"""The sub-commands of ``xl-analyze``: what each is for, its options, and where its work is done."""
