"""X-Mixup (Yang et al., ICLR 2022)."""
