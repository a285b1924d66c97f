"""xTune (Zheng et al., ACL 2021)."""
