"""Where the files of data sets are: XTREME's folders, or named by the user one by one."""
