"""Co-training of three models on each other's confident labels (XLA, ACL 2021): plan, pools, labels, stages."""
