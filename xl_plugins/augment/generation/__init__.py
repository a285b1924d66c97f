"""The common part of the offline generation of data: the job, the text it starts from, the files it leaves."""
