"""The binarised layout on disk: which files a data folder holds, their checksums, memory maps."""
