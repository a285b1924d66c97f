"""Speed and memory of xl-prepare: sentences per second and peak resident memory, process start-up included.

Makes N sentence pairs from the words of a text (or of invented words), trains a SentencePiece model on it, runs
``xl-prepare xnli`` in a fresh process several times and prints the median.

    python examples/benchmarks/prepare_speed.py --pairs 1000000 --repetitions 1
    python examples/benchmarks/prepare_speed.py --text corpus.txt --vocabulary 250000
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sentencepiece

LABELS = ("contradiction", "entailment", "neutral")
LETTERS = ("bdfgklmnprstvz aeiou", "βγδκλμνπρστ αεηιου", "бвгдклмнпрст аеиоуы", "कगचजतदनपबमरलस ािीुेो")
SENTENCES = 200_000  # of the invented text; also the most that SentencePiece is trained on

# A process starts with the peak memory of the one it was forked from, here that of training a tokenizer; so a small
# process starts the command and prints the peak (KiB) of its children.
MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def invented_text(path: Path) -> None:
    """Sentences of invented words in four scripts, frequencies as in natural text (Zipf's law)."""
    draw = random.Random(1)
    vocabularies = []
    for letters in LETTERS:
        onsets, vowels = letters.split()
        syllables = [a + b for a in onsets for b in vowels]
        words = list(dict.fromkeys("".join(draw.choices(syllables, k=draw.randint(1, 5))) for _ in range(60_000)))
        vocabularies.append((words, [1 / rank for rank in range(1, len(words) + 1)]))
    with path.open("w", encoding="utf-8") as file:
        for _ in range(SENTENCES):
            words, weights = draw.choice(vocabularies)
            file.write(" ".join(draw.choices(words, weights, k=draw.randint(5, 35))) + ".\n")


def train_tokenizer(text: Path, folder: Path, vocabulary: int) -> int:
    """Write sentencepiece.bpe.model and dict.txt to ``folder``; return the number of pieces."""
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(folder / "sentencepiece.bpe"),
        vocab_size=vocabulary,
        hard_vocab_limit=False,
        character_coverage=0.9995,
        input_sentence_size=SENTENCES,
        shuffle_input_sentence=True,
        num_threads=2,
        minloglevel=2,
    )
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
    pieces = [model.IdToPiece(i) for i in range(3, model.GetPieceSize())]
    (folder / "dict.txt").write_text("".join(f"{piece} 1\n" for piece in pieces), encoding="utf-8")
    return len(pieces)


def write_pairs(text: Path, raw: Path, count: int) -> None:
    """``raw/train-en.tsv``: pairs of sentences drawn from ``text`` and re-combined, so that hardly any repeats."""
    draw = random.Random(2)
    lines = [line.split() for line in text.read_text(encoding="utf-8").split("\n") if line.strip()]

    def sentence() -> str:
        left, right = draw.choice(lines), draw.choice(lines)
        return " ".join(left[: (len(left) + 1) // 2] + right[len(right) // 2 :])

    raw.mkdir()
    with (raw / "train-en.tsv").open("w", encoding="utf-8") as file:
        file.writelines(f"{sentence()}\t{sentence()}\t{draw.choice(LABELS)}\n" for _ in range(count))


def cpu_seconds() -> float:
    """CPU time of all finished child processes: unlike wall time, hardly changed by other work on the machine."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200_000, help="sentence pairs (default: 200,000)")
    parser.add_argument("--text", type=Path, help="one sentence per line (default: invented words)")
    parser.add_argument(
        "--vocabulary", type=int, default=250_000, help="pieces to train; fewer if the text has not as many"
    )
    parser.add_argument("--workers", type=int, default=2, help="threads of xl-prepare (default: 2)")
    parser.add_argument("--repetitions", type=int, default=5, help="runs of which the median counts (default: 5)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = args.text
        if text is None:
            text = folder / "text.txt"
            invented_text(text)
        pieces = train_tokenizer(text, folder, args.vocabulary)
        write_pairs(text, folder / "raw", args.pairs)
        command = [
            sys.executable,
            "-m",
            "xl_plugins.cli.prepare",
            "xnli",
            folder / "raw",
            folder / "bin",
            "--overwrite",
        ]
        command += [
            "--spm",
            folder / "sentencepiece.bpe.model",
            "--dict",
            folder / "dict.txt",
            "--workers",
            args.workers,
        ]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        seconds, peaks = [], []
        used = cpu_seconds()
        for _ in range(args.repetitions):
            start = time.perf_counter()
            words = [sys.executable, "-c", MEASURED, *map(str, command)]
            done = subprocess.run(words, check=True, env=environment, stdout=subprocess.PIPE, text=True)
            seconds.append(time.perf_counter() - start)
            peaks.append(int(done.stdout) / 1024)
        used = (cpu_seconds() - used) / args.repetitions
    median = statistics.median(seconds)
    print(f"{args.pairs:,} pairs, {pieces:,} pieces, {args.workers} workers, {args.repetitions} repetitions")
    rate = f"{2 * args.pairs / median:,.0f} sentences/s"
    print(f"median {rate} ({median:.1f} s; fastest {min(seconds):.1f}, slowest {max(seconds):.1f})")
    print(f"CPU time {used:.1f} s per run: {2 * args.pairs / used:,.0f} sentences per CPU second")
    print(f"peak memory {max(peaks):,.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
