"""Fixtures shared by all tests."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: small tensors, and tests may run side by side

import pytest

from user_dir_tests.helpers.running import quick_compose
from user_dir_tests.helpers.running.warm import run_warm

REPO = Path(__file__).resolve().parents[1]
quick_compose.install()


class Finished(NamedTuple):
    """The traces of a command: exit status, standard output, standard error."""

    code: int
    out: str
    err: str


class TinySpm(NamedTuple):
    """A small tokenizer: SentencePiece model, its fairseq dictionary (without <mask>), the text it was trained on."""

    model: Path
    dict: Path
    text: Path


def pytest_configure() -> None:
    """Under nohup a hang-up is ignored by all processes, and tests could not end any by it."""
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that use real data; skip tests marked ``gpu`` on machines without a CUDA device, and say so."""
    for item in items:
        if "xl_data" in getattr(item, "fixturenames", ()):
            item.add_marker("data")
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked:
        import torch

        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


def run_command(
    command: list[str], cwd: Path | None, env: dict[str, str], stdin: str | None, timeout: float
) -> Finished:
    """Run ``command`` with this checkout importable; text is UTF-8 whatever the machine's locale."""
    path = os.pathsep.join(filter(None, [str(REPO), os.environ.get("PYTHONPATH", "")]))
    full = {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "COLUMNS": "120", **env}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=full,
        input=stdin,
        timeout=timeout,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture(autouse=True)
def one_block_of_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are as wide as in a pipe, whatever terminal the tests run in."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session")
def repo() -> Path:
    """Root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def run_python() -> Callable[..., Finished]:
    """``run_python("-c", code, env={...})``: the interpreter of the tests in a fresh process."""

    def run(*args: object, cwd: Path | None = None, env: dict[str, str] | None = None, stdin: str | None = None,
            timeout: float = 240) -> Finished:  # fmt: skip
        return run_command([sys.executable, *map(str, args)], cwd, env or {}, stdin, timeout)

    return run


@pytest.fixture(scope="session")
def run_recipe() -> Callable[[Path, Mapping[str, object], Path], Finished]:
    """``run_recipe(path, {"task.data": data}, cwd)``: fairseq-hydra-train with a YAML file and changed values."""

    def run(path: Path, changes: Mapping[str, object], cwd: Path) -> Finished:
        words = ["--config-dir", str(path.parent), "--config-name", path.stem, f"common.user_dir={REPO / 'xl_plugins'}"]
        words += [f"{key}={value}" for key, value in changes.items()]
        return Finished(*run_warm("fairseq_cli.hydra_train", words, cwd))

    return run


@pytest.fixture(scope="session")
def run_bare(run_python: Callable[..., Finished]) -> Callable[..., Finished]:
    """``run_bare(code)``: run Python code for which ``xl_plugins`` is a bare folder.

    Its modules can be imported one by one, but importing it neither repairs nor registers anything.
    """
    bare = (
        "import sys, types\n"
        "module = sys.modules['xl_plugins'] = types.ModuleType('xl_plugins')\n"
        f"module.__path__ = [{str(REPO / 'xl_plugins')!r}]\n"
    )
    return lambda code, **kwargs: run_python("-c", bare + code, **kwargs)


@pytest.fixture(scope="session")
def run_cli(run_python: Callable[..., Finished]) -> Callable[..., Finished]:
    """``run_cli("prepare", "xnli", raw, dest)`` runs ``xl-prepare xnli RAW DEST`` in a process of its own.

    Keyword arguments ``cwd``, ``env`` (added to the environment), ``stdin`` (text), ``timeout`` (seconds). With any of
    the last three the interpreter is fresh; else the process is a fork of one that has imported torch and fairseq.
    """

    def run(name: str, *args: object, cwd: Path | None = None, **fresh: Any) -> Finished:
        module = f"xl_plugins.cli.{name}"
        if fresh:
            return run_python("-m", module, *args, cwd=cwd, **fresh)
        return Finished(*run_warm(module, [str(arg) for arg in args], cwd or Path.cwd(), {"COLUMNS": "120"}))

    return run


@pytest.fixture(scope="session")
def xl_data() -> Path:
    """Folder with the real cross-lingual data (files are gzip), from the environment variable ``XL_DATA``."""
    value = os.environ.get("XL_DATA")
    if not value:
        pytest.skip("real data: set XL_DATA to the folder of the cross-lingual data sets to run this test")
    path = Path(value).resolve()
    if not path.is_dir():
        pytest.fail(f"XL_DATA={value} is not a folder")
    return path


@pytest.fixture(scope="session")
def unpacked(xl_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``unpacked("xnli/dev-en.tsv")``: path of the unpacked file; one session folder keeps the set's own layout."""
    root = tmp_path_factory.mktemp("xl_data")

    def unpack(name: str) -> Path:
        target = root / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with gzip.open(xl_data / f"{name}.gz", "rb") as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
        return target

    return unpack


def made_up_text(lines: int, seed: int) -> list[str]:
    """Sentences of invented words in Latin, Greek, Cyrillic and Devanagari letters, the same for the same seed."""
    draw = random.Random(seed)
    scripts = ["bdfgklmnprstvz|aeiouäé", "βγδκλμνπρστ|αεηιου", "бвгдклмнпрст|аеиоуы", "कगचजतदनपबमरलस|ािीुेो"]
    words: list[list[str]] = []
    for script in scripts:
        onsets, vowels = script.split("|")
        words.append(
            ["".join(draw.choice(onsets) + draw.choice(vowels) for _ in range(draw.randint(1, 4))) for _ in range(120)]
        )
    return [
        " ".join(draw.choices(draw.choice(words), k=draw.randint(3, 12))) + draw.choice(".?!") for _ in range(lines)
    ]


@pytest.fixture(scope="session")
def tiny_spm(tmp_path_factory: pytest.TempPathFactory) -> TinySpm:
    """A 300-piece unigram tokenizer with XLM-R's special pieces (<unk>, <s>, </s>) and its ``dict.txt``."""
    import sentencepiece

    folder = tmp_path_factory.mktemp("spm")
    text, prefix = folder / "text.txt", folder / "sentencepiece.bpe"
    text.write_text("\n".join(made_up_text(2000, seed=1)) + "\n", encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(prefix), vocab_size=300, model_type="unigram", character_coverage=1.0,
        num_threads=1, minloglevel=2,
    )  # fmt: skip
    model = Path(f"{prefix}.model")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(model))
    rows = [f"{pieces.id_to_piece(i)} 1\n" for i in range(3, pieces.get_piece_size())]
    (folder / "dict.txt").write_text("".join(rows), encoding="utf-8")
    return TinySpm(model, folder / "dict.txt", text)


@pytest.fixture(scope="session")
def encoder(tiny_spm: TinySpm) -> Any:
    """The package's own encoder of that tokenizer."""
    from xl_plugins.data.tokenizer import PieceEncoder

    return PieceEncoder(str(tiny_spm.model), str(tiny_spm.dict))
