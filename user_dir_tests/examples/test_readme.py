"""The commands in the READMEs run as they stand, in their order, on the embedded benchmark in place of the download.

Stand-ins before them on the PATH stop training after two updates; nothing else is changed. The encoder is small, and
the sizes of all models follow from it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sentencepiece

import xl_plugins
from user_dir_tests.conftest import TinySpm, made_up_text
from user_dir_tests.helpers.running.training import save_archive
from user_dir_tests.helpers.running.warm_commands import warm_commands
from xl_plugins.mini.problems.topic import LABELS

REPO = Path(__file__).resolve().parents[2]
HYDRA = "++optimization.max_update=2 ++common.cpu=true dataset.num_workers=0"
COMMANDS = {
    "fairseq-train": "fairseq_cli.train {} --max-update 2 --cpu --num-workers 0",
    "xl-train": "xl_plugins.cli.train {} --max-update 2 --cpu --num-workers 0",
    "fairseq-hydra-train": f"fairseq_cli.hydra_train {{}} {HYDRA}",
    "fairseq-preprocess": "fairseq_cli.preprocess {}",
    "bare-fairseq-train": "fairseq_cli.train {}",  # for scripts with other limits
    **{
        f"xl-{name}": f"xl_plugins.cli.{name} {{}}"
        for name in ("prepare", "augment", "convert", "evaluate", "predict", "mini", "report", "xtune")
    },
}  # fmt: skip


def blocks(path: Path) -> list[str]:
    """The fenced blocks marked as bash."""
    return re.findall(r"^```bash\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder like a user's: the checkout's folders, raw/ with XTREME's files, xlmr.base/."""
    folder = tmp_path_factory.mktemp("stage")
    for name in ("examples", "xl_plugins"):
        (folder / name).symlink_to(REPO / name)
    with warm_commands(folder / "bin", COMMANDS):
        _fill(folder)
        yield folder


def _fill(folder: Path) -> None:
    run(folder, "xl-mini make raw --languages en,de,es,fr,hi --train 96 --dev 12 --test 14 --unlabelled 400")
    archive = folder / "xlmr.base"
    archive.mkdir()
    sentencepiece.SentencePieceTrainer.train(
        input=",".join(map(str, sorted((folder / "raw" / "unlabelled").glob("??.txt")))), vocab_size=400,
        model_prefix=str(archive / "sentencepiece.bpe"), minloglevel=2, hard_vocab_limit=False,
    )  # fmt: skip
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(archive / "sentencepiece.bpe.model"))
    lines = [f"{pieces.id_to_piece(i)} 1\n" for i in range(3, pieces.get_piece_size())]
    (archive / "dict.txt").write_text("".join(lines), encoding="utf-8")
    save_archive(archive / "model.pt", archive / "dict.txt", max_positions=512, tokens_per_sample=512)


def run(stage: Path, commands: str) -> str:
    """Run shell commands in the stage; returns what they printed."""
    path = os.pathsep.join([str(stage / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=stage,
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=800,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
    return done.stdout


def result(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_readme(stage: Path) -> None:
    """The README's one run is the first of the page on X-Mixup, which goes on from there."""
    _, prepare_and_train = blocks(REPO / "README.md")
    first, baselines, predict, *_ = blocks(REPO / "docs" / "xmixup.md")
    assert first == prepare_and_train
    run(stage, prepare_and_train)
    predictions = (stage / "predictions" / "xnli" / "test-de.tsv").read_text().split("\n")
    assert len(predictions) == 14 + 1 and set(predictions[:-1]) <= {"contradiction", "entailment", "neutral"}
    table = run(stage, baselines)
    for name in ("zero-shot", "translate-train", "xmixup", "de", "hi"):
        assert name in table
    answer = json.loads(run(stage, predict))
    assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].get)
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_page_on_encoders(stage: Path) -> None:
    """From a folder of Hugging Face and back to one, in three commands; the pipeline names a label."""
    transformers = pytest.importorskip("transformers")
    from user_dir_tests.helpers.hub import write_folder

    archive = stage / "xlmr.base"
    spm = TinySpm(archive / "sentencepiece.bpe.model", archive / "dict.txt", archive)
    write_folder(stage / "models" / "xlm-roberta-base", spm, max_position_embeddings=514)
    (commands,) = blocks(REPO / "docs" / "encoders.md")
    run(stage, f"rm -rf data-bin/xnli outputs/xnli\n{commands}")
    answer = transformers.pipeline("text-classification", str(stage / "models" / "xnli"))(
        {"text": "a", "text_pair": "b"}
    )
    assert (answer[0] if isinstance(answer, list) else answer)["label"] in ("contradiction", "entailment", "neutral")


@pytest.mark.timeout(300)
def test_from_a_table_to_a_pipeline(stage: Path) -> None:
    """The three commands on a csv and a small mBERT; the pipeline and this package say the same."""
    transformers = pytest.importorskip("transformers")
    from user_dir_tests.helpers.wordpiece import write_bert

    write_bert(stage / "models" / "bert-base-multilingual-cased", max_position_embeddings=512)
    rows = [
        f'"{text}, {number}",{"good" if number % 3 else "bad"}' for number, text in enumerate(made_up_text(1000, 4))
    ]
    (stage / "reviews.csv").write_text("\n".join(["review,opinion", *rows]) + "\n", encoding="utf-8")
    commands, _ = blocks(REPO / "README.md")
    run(stage, commands)
    pipe = transformers.pipeline("text-classification", str(stage / "models" / "reviews"), top_k=None)
    model = xl_plugins.load(str(stage / "outputs" / "reviews" / "checkpoint_best.pt"))
    texts = ["bo da", "ka lu, 7"]
    for theirs, ours in zip(pipe(texts), model.predict(texts)):
        assert {row["label"]: row["score"] for row in theirs} == pytest.approx(ours["probabilities"], abs=1e-5)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("data_set", ["xnli", "pawsx"])
def test_recipe_readme(stage: Path, data_set: str) -> None:
    train, tune, salt, _, by_hand = blocks(REPO / "examples" / "recipes" / data_set / "README.md")
    run(stage, f"rm -rf data-bin/{data_set} outputs/{data_set} by-hand\n{train}")
    run(stage, tune)
    run(stage, salt)
    for system in ("zero_shot", "translate_train", "xmixup", "xtune", "xtune-translate", "salt"):
        text = json.dumps(result(stage / "outputs" / data_set / f"{system}.json"))
        assert '"de"' in text and '"hi"' in text
    matrix = result(stage / "outputs" / data_set / "salt-generalised.json")
    assert len(matrix["accuracy"]) == 5 and all(len(row) == 5 for row in matrix["accuracy"].values())
    run(stage, by_hand)  # ends with byte-for-byte comparisons


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_single_texts_readme(stage: Path) -> None:
    """The embedded topics in SIB-200's layout and under its labels."""
    labels = dict(zip(LABELS, ("science/technology", "travel", "politics", "sports", "health", "geography")))
    run(stage, "xl-mini make topics --problem text --languages en,de,sw --train 42 --dev 12 --test 14 --unlabelled 50")
    for lang, code in (("en", "eng_Latn"), ("de", "deu_Latn"), ("sw", "swh_Latn")):
        for split in ("train", "dev", "test"):
            name = f"translate-train/en-{lang}" if split == "train" and lang != "en" else f"{split}-{lang}"
            rows = (stage / "topics" / "topics" / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
            table = [f"{i}\t{labels[row.split(chr(9))[1]]}\t{row.split(chr(9))[0]}" for i, row in enumerate(rows)]
            path = stage / "raw" / "sib200" / "data" / "annotated" / code / f"{split}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(["index_id\tcategory\ttext", *table, ""]), encoding="utf-8")
    (commands,) = blocks(REPO / "examples" / "recipes" / "sib200" / "README.md")
    three = "raw/sib200/data/annotated xlmr.base data-bin/sib200 eng_Latn,deu_Latn,swh_Latn"
    table = run(stage, commands.replace("prepare.sh", f"prepare.sh {three}"))
    for name in ("zero_shot", "translate_train", "xmixup", "plain-inference"):
        assert name.replace("_", "-") in table or name in table
    for system in ("zero_shot", "translate_train", "xmixup", "xmixup-plain-inference"):
        assert set(result(stage / "outputs" / "sib200" / f"{system}.json")["languages"]) >= {"eng_Latn", "swh_Latn"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_salt_on_the_embedded_benchmark(stage: Path) -> None:
    """The script from the quickstart's folder to its table; started again it trains nothing."""
    quick = stage / "quick"
    shutil.copytree(stage / "xlmr.base", quick / "encoder")
    (quick / "raw").symlink_to(stage / "raw")
    save_archive(quick / "encoder" / "model.pt", quick / "encoder" / "dict.txt", max_positions=256)
    prepare = (
        "xl-prepare xnli raw/xnli quick/data-bin --spm xlmr.base/sentencepiece.bpe.model --dict xlmr.base/dict.txt"
    )
    run(stage, prepare)
    call = "SEEDS=1 examples/experiments/mini/salt.sh quick mini-salt"
    first = run(stage, call)
    for text in ("translations above", "paired bootstrap", "plain", "synonyms", "no-mixup", "salt", "dictionary"):
        assert text in first
    for language in ("en", "fr", "es", "de"):
        assert (stage / "mini-salt" / "data-bin" / "en" / "counterparts" / language / "manifest.json").is_file()
    assert not (quick / "data-bin" / "en" / "counterparts").exists()  # the benchmark's folder stays as it is
    trained = {log: log.stat().st_mtime_ns for log in (stage / "mini-salt").glob("*.log")}
    assert len(trained) == 5
    assert run(stage, call).endswith(first[first.index("xnli test") :])
    assert trained == {log: log.stat().st_mtime_ns for log in trained}
