"""xl-prepare --unlabelled: training text of a target language that translates nothing and has no labels (XLA)."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_dir_tests.helpers.prepare.raw import make_xnli, write_rows
from user_dir_tests.helpers.prepare.runs import labels, meta, run, texts, tree
from xl_plugins.cli.shared.hints import next_steps
from xl_plugins.errors import UserError

CHANGING = ("meta.json", "checksums.json", ".xl_plugins.json")  # list what is there

PAIRS = ["--labels", "x,y", "--columns", "first=1,second=2,label=3"]


def pairs(folder: Path) -> tuple[Path, Path]:
    """Two English pairs with labels, three German ones with labels that are no labels."""
    write_rows(folder / "en.tsv", [["ba", "be", "y"], ["da", "de", "x"]])
    write_rows(folder / "de.tsv", [["ka", "ke", "?"], ["ga", "ge", "?"], ["la", "le", "?"]])
    return folder / "en.tsv", folder / "de.tsv"


def sentences(path: Path, *texts: str, tag: str = "") -> Path:
    words = ("\n".join(f"{word}{tag}" for word in text.split()) for text in texts)
    path.write_text("\n\n".join(words) + "\n", encoding="utf-8")
    return path


def test_pairs_without_labels_in_any_number(tiny_spm, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    en, de = pairs(tmp_path)
    run(tiny_spm, "pairs", tmp_path / "bin", *PAIRS, "--train", f"en={en}", "--unlabelled", f"de={de}")
    assert texts(tmp_path / "bin", "de", "input0", "train") == ["ka", "ga", "la"]
    assert texts(tmp_path / "bin", "de", "input1", "train") == ["ke", "ge", "le"]
    assert labels(tmp_path / "bin", "en", "train") == ["y", "x"]
    assert not (tmp_path / "bin" / "de" / "label").exists()
    found = meta(tmp_path / "bin")
    assert found["unlabelled"] == {"de": ["train"]} and found["pools"] == ["de"]
    assert found["splits"]["de"] == {"train": 3}
    printed = capsys.readouterr().out
    assert "train (no labels)" in printed and "--task xl_sentence_pair" in printed  # X-Mixup needs translations
    assert "xl_sentence_pair" in next_steps("DEST", found, "dict.txt")[1]


def test_pairs_joined_by_id_leave_the_pool_alone(tiny_spm, tmp_path: Path) -> None:
    write_rows(tmp_path / "en.tsv", [["ba", "be", "y", "1"], ["da", "de", "x", "2"]])
    write_rows(tmp_path / "fr.tsv", [["na", "ne", "x", "2"], ["ma", "me", "y", "1"]])
    write_rows(tmp_path / "de.tsv", [["ka", "ke"], ["ga", "ge"], ["NS", "le"]])
    run(
        tiny_spm, "pairs", tmp_path / "bin", *PAIRS, "--align-on", "4", "--train", f"en={tmp_path}/en.tsv",
        f"fr={tmp_path}/fr.tsv", "--unlabelled", f"de={tmp_path}/de.tsv", "--no-translation", "NS",
        "--filter", "unlabelled:1!=NS",
    )  # fmt: skip
    assert texts(tmp_path / "bin", "fr", "input0", "train") == ["ma", "na"]
    assert texts(tmp_path / "bin", "de", "input0", "train") == ["ka", "ga"]
    assert meta(tmp_path / "bin")["pools"] == ["de"]


def test_xtreme_folder_of_pairs(tiny_spm, tmp_path: Path) -> None:
    """Any of XTREME's layouts; languages without a file have no pool, what there is without the option stays."""
    raw = make_xnli(tmp_path / "raw")
    write_rows(tmp_path / "pool" / "de.tsv", [["xx", "yy", "ka", "ke", "neutral"], ["xx", "yy", "ga", "ge", "neutral"]])
    run(tiny_spm, "xnli", raw, tmp_path / "plain", "--translate-train", "none", "--back-translation", "none")
    run(
        tiny_spm, "xnli", raw, tmp_path / "bin", "--translate-train", "none", "--back-translation", "none",
        "--unlabelled", tmp_path / "pool" / "{lang}.tsv",
    )  # fmt: skip
    assert texts(tmp_path / "bin", "de", "input0", "train") == ["ka", "ga"]
    assert meta(tmp_path / "bin")["pools"] == ["de"] and "pools" not in meta(tmp_path / "plain")
    plain, pooled = tree(tmp_path / "plain"), tree(tmp_path / "bin")
    added = {f"de/input{number}/train.{kind}" for number in (0, 1) for kind in ("bin", "idx")}
    assert set(pooled) - set(plain) == added
    assert all(pooled[name] == plain[name] for name in plain if name not in CHANGING)


def test_tags_of_a_pool_are_not_read(tiny_spm, tmp_path: Path) -> None:
    """PAN-X's own train-XX.tsv: the tags may be anything; the language prefix of the original files goes."""
    raw = tmp_path / "raw"
    raw.mkdir()
    sentences(raw / "train-en.tsv", "ba be", "da", tag="\tO")
    for name in ("dev-en.tsv", "dev-de.tsv"):
        sentences(raw / name, "ba", tag="\tO")
    sentences(raw / "train-de.tsv", "de:ka de:ke de:ko", "de:ga", "de:la de:le", tag="\tB-MISC")
    run(tiny_spm, "panx", raw, tmp_path / "bin", "--unlabelled", raw / "train-{lang}.tsv")
    assert texts(tmp_path / "bin", "de", "input0", "train") == ["ka ke ko", "ga", "la le"]
    assert not (tmp_path / "bin" / "de" / "label" / "train.idx").exists()
    assert (tmp_path / "bin" / "de" / "words" / "train.idx").exists()
    assert meta(tmp_path / "bin")["unlabelled"] == {"de": ["train"]} and meta(tmp_path / "bin")["pools"] == ["de"]


def test_columns_of_the_user(tiny_spm, tmp_path: Path) -> None:
    en = sentences(tmp_path / "en.tsv", "ba be", tag="\tO")
    de = sentences(tmp_path / "de.tsv", "ka ke", "ga", tag="\tB-NEW")
    (tmp_path / "fr.txt").write_text("na ne no\n")
    run(
        tiny_spm, "conll", tmp_path / "bin", "--labels", "O,B-X", "--train", f"en={en}",
        "--unlabelled", f"fr={tmp_path}/fr.txt", f"de={de}",
    )  # fmt: skip
    assert texts(tmp_path / "bin", "fr", "input0", "train") == ["na ne no"]
    assert texts(tmp_path / "bin", "de", "input0", "train") == ["ka ke", "ga"]
    assert meta(tmp_path / "bin")["pools"] == ["de", "fr"]


def test_treebanks_of_the_user(tiny_spm, tmp_path: Path) -> None:
    line = "1\t{}\t_\t{}\t_\t_\t_\t_\t_\t_\n\n"
    (tmp_path / "en.conllu").write_text(line.format("ba", "NOUN"))
    (tmp_path / "de.conllu").write_text(line.format("ka", "STRANGE") + line.format("ga", "NOUN"))
    run(
        tiny_spm, "conllu", tmp_path / "bin", "--train", f"en={tmp_path}/en.conllu",
        "--unlabelled", f"de={tmp_path}/de.conllu",
    )  # fmt: skip
    assert texts(tmp_path / "bin", "de", "input0", "train") == ["ka", "ga"]
    assert not (tmp_path / "bin" / "de" / "label").exists()


@pytest.mark.parametrize(
    "given, message",
    [
        (["--train", "en={en}", "de={en}", "--unlabelled", "de={de}"], "de has translated training text .*en.tsv"),
        (["--train", "en={en}", "--unlabelled", "en={de}"], "--unlabelled: en is the source language"),
        (["--unlabelled", "de={de}", "--back-translation", "de={de}"], "de has translated training text as well"),
    ],
)  # fmt: skip
def test_mistakes(tiny_spm, tmp_path: Path, given: list[str], message: str) -> None:
    en, de = pairs(tmp_path)
    with pytest.raises(UserError, match=message):
        run(tiny_spm, "pairs", tmp_path / "bin", *PAIRS, *(word.format(en=en, de=de) for word in given))
    assert not (tmp_path / "bin").exists()


def test_mistakes_in_folders(tiny_spm, tmp_path: Path) -> None:
    raw = make_xnli(tmp_path / "raw")
    for pattern, message in (
        ("pool/de.tsv", r"--unlabelled: the pattern 'pool/de.tsv' has no \{lang\}"),
        ("pool/{lang}.tsv", r"--unlabelled pool/\{lang\}.tsv: there is no such file of de, sw"),
        (str(raw / "dev-{lang}.tsv"), "de has translated training text as well, .*en-de.tsv"),
    ):
        with pytest.raises(UserError, match=message):
            run(tiny_spm, "xnli", raw, tmp_path / "bin", "--unlabelled", pattern)
