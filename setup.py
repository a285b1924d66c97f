"""Installation of xl_plugins; tool settings (ruff, mypy, pytest) live in pyproject.toml."""

from pathlib import Path
from runpy import run_path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
README = HERE / "README.md"

# fairseq 0.12.2 cannot be imported on Python >= 3.11 (mutable dataclass defaults); fairseq-fixed is the same code made
# importable there, under the same module name. Either brings the hydra-core and omegaconf it was written for.
FAIRSEQ = [
    'fairseq==0.12.2; python_version < "3.11"',
    'fairseq-fixed==0.12.3.1; python_version >= "3.11"',
]

COMMANDS = ("analyze", "augment", "convert", "evaluate", "mini", "predict", "prepare", "report", "train", "xtune")

EXTRAS = {
    "faiss": ["faiss-cpu>=1.8"],
    "hf": ["transformers>=4.40"],
    "onnx": ["onnx>=1.16", "onnxruntime>=1.18", "transformers>=4.40"],
    "parquet": ["pyarrow>=15,<22"],
    "report": ["jinja2>=3.1", "matplotlib>=3.11", "sacrebleu>=2"],
    "tensorboard": ["tensorboard>=2.12"],
    "dev": [
        "hypothesis>=6.100",
        "jinja2>=3.1",
        "matplotlib>=3.11",
        "mypy>=1.10",
        "onnx>=1.16",
        "onnxruntime>=1.18",
        "playwright>=1.40",
        "psutil>=5.9",
        "pyarrow>=15,<22",
        "pytest>=8",
        "pytest-timeout>=2.3",
        "pytest-xdist>=3.5",
        "ruff>=0.6",
        "sacrebleu>=2",
        "seqeval>=1.2.2",
    ],
}

setup(
    name="xl-plugins",
    version=run_path(str(HERE / "xl_plugins" / "version.py"))["__version__"],
    description="Cross-lingual transfer methods as a fairseq plug-in (--user-dir)",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(include=["xl_plugins", "xl_plugins.*"]),
    package_data={
        "xl_plugins": ["py.typed", "**/*.txt", "**/*.tsv", "**/*.json", "**/*.yaml", "**/*.html", "**/*.css", "**/*.js"]
    },
    install_requires=[
        *FAIRSEQ,
        "numpy>=1.21.3",
        "protobuf>=5",
        "rich>=12",
        "safetensors>=0.4",
        "scikit-learn>=1.2",
        "sentencepiece>=0.2.0",
        "tokenizers>=0.20",
        "torch>=2.6",
        "tqdm>=4.60",
    ],
    extras_require=EXTRAS,
    entry_points={
        "console_scripts": [f"xl-{name} = xl_plugins.cli.{name}:cli_main" for name in COMMANDS],
    },
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
    zip_safe=False,  # fairseq's --user-dir needs a real folder
)
