"""The version, also read by setup.py without importing the package."""

__version__ = "0.2.0"


def versions() -> dict[str, str]:
    """Those of the programs that train, by name."""
    import fairseq
    import torch

    return {"xl_plugins": __version__, "fairseq": str(fairseq.__version__), "torch": str(torch.__version__)}
