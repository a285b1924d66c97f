"""xl-prepare for extractive question answering: squad, xquad, mlqa, tydiqa."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from user_dir_tests.helpers.prepare import prepared
from user_dir_tests.helpers.prepare.questions import all_questions, content, make_xquad, plain, squad, write
from user_dir_tests.helpers.prepare.runs import meta, run, tree
from xl_plugins.errors import UserError


def test_everything_is_where_the_layout_says(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    raw, dest = make_xquad(tmp_path / "raw"), tmp_path / "bin"
    run(tiny_spm, "xquad", raw / "xquad", dest, "--valid", f"{raw}/dev-{{lang}}.json")
    info = meta(dest)
    assert (info["problem"], info["answer_metric"], info["unlabelled"], info["labels"]) == ("qa", "squad", {}, [])
    assert info["splits"] == {
        "de": {"test": 8, "train": 8, "valid": 4},
        "en": {"test": 8, "train": 12, "valid": 4},
    }
    assert info["views"] == {"de": {"test": 8, "train": 8, "valid": 4}}
    assert not (dest / "label").exists()
    for folder, language, split, count in (
        ("en", "en", "train", 3), ("en", "en", "test", 2), ("de", "de", "test", 2), ("de", "de", "valid", 1),
    ):  # fmt: skip
        name = {"valid": "dev"}.get(split, split)
        data = content(language, name, count)
        assert prepared.strings(dest / folder, "raw", split) == [
            p["context"] for a in data["data"] for p in a["paragraphs"]
        ]
        assert prepared.questions(dest / folder, split) == [
            {**q, "answers": [a["text"] for a in q["answers"]]} for q in all_questions(data)
        ]
        assert prepared.check_questions(dest / folder, split)[:2] == (4 * count, 2 * count)
        assert prepared.spans(dest / folder, split)[:, 1].tolist() == [row // 2 for row in range(4 * count)]
    out = capsys.readouterr()
    assert "--task xmixup_qa --arch xmixup_xlmr" in out.out.replace(" \\\n      ", " ") and "warning" not in out.err


def test_translations_follow_the_ids(tiny_spm: Any, tmp_path: Path) -> None:
    raw, dest = make_xquad(tmp_path / "raw"), tmp_path / "bin"
    run(tiny_spm, "xquad", raw / "xquad", dest, "--valid", f"{raw}/dev-{{lang}}.json")
    for split in ("train", "valid", "test"):
        own, view = prepared.spans(dest / "de", split), prepared.spans(dest / "de/en-view", split)
        assert own[:, 0].tolist() == view[:, 0].tolist()
        prepared.check_questions(dest / "de/en-view", split)
    source = prepared.spans(dest / "en", "train")[:, 0].tolist()
    trained = prepared.spans(dest / "de", "train")[:, 0].tolist()
    assert trained == source[:4] + source[8:]
    view = prepared.spans(dest / "de/en-view", "train")
    assert view[:, 1].tolist() == [
        2,
        2,
        3,
        3,
        0,
        0,
        1,
        1,
    ]  # contexts stay in the order of the file, without unused ones
    asked = [q["question"] for q in prepared.questions(dest / "de/en-view", "train")]
    assert asked[0] == "bt kabo train-0-0?" and asked[-1] == "bt kabo train-5-1?"
    first = prepared.pieces(dest, dest / "de/en-view", "input0", "train")[0]
    assert "".join(first).replace("▁", " ").startswith(" bt kabo")
    assert (prepared.spans(dest / "de/en-view", "test")[:, 2:] == -1).all()  # no answers there
    assert (prepared.spans(dest / "de/en-view", "valid")[:, 2:] >= 0).all()


def test_equal_input_equal_bytes_and_resuming(tiny_spm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from user_dir_tests.helpers.prepare.killing import kill_after

    raw = make_xquad(tmp_path / "raw") / "xquad"
    run(tiny_spm, "xquad", raw, tmp_path / "one", "--workers", 1)
    run(tiny_spm, "xquad", raw, tmp_path / "two", "--workers", 3)
    kill_after(3, monkeypatch, tiny_spm, "xquad", raw, tmp_path / "three")
    run(tiny_spm, "xquad", raw, tmp_path / "three")
    assert tree(tmp_path / "one") == tree(tmp_path / "two") == tree(tmp_path / "three")


def test_repeated_ids(tiny_spm: Any, tmp_path: Path) -> None:
    """TyDiQA's training files repeat ids, translations in the same order: they count by occurrence."""
    file = squad(tmp_path, [plain("1"), plain("1", "Otto", 9), plain("2")])
    run(tiny_spm, "squad", tmp_path / "bin", "--train", f"en,de={file}", "--back-translation", f"de={file}")
    keys = prepared.spans(tmp_path / "bin/en", "train")[:, 0].tolist()
    assert len(set(keys)) == 3
    assert prepared.spans(tmp_path / "bin/de/en-view", "train")[:, 0].tolist() == keys
    run(tiny_spm, "squad", tmp_path / "test", "--test", f"en={file}")
    assert prepared.spans(tmp_path / "test/en", "test")[:, 0].tolist() == keys


def test_one_piece_per_character(tiny_spm: Any, tmp_path: Path) -> None:
    file = squad(tmp_path, [plain("a", "nn", 1), plain("b", "nd", 6), plain("c", "尔吉", 15)], "Anna und Otto 吉尔吉斯")
    for kind, exact in (("character", 3), ("subword", 2)):  # the rare characters are one <unk> together
        run(tiny_spm, "squad", tmp_path / kind, "--train", f"en={file}", "--context-pieces", kind)
        assert prepared.check_questions(tmp_path / kind / "en", "train") == (3, 1, exact)
        assert meta(tmp_path / kind)["context_pieces"] == kind


def test_mlqa(tiny_spm: Any, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write(raw / "squad/train-v1.1.json", content("en", "train", 1))
    for context, asked in (("en", "en"), ("de", "de"), ("en", "de")):
        for part in ("dev", "test"):
            name = f"mlqa/MLQA_V1/{part}/{part}-context-{context}-question-{asked}.json"
            write(raw / name, content(context, part, 1))
    run(tiny_spm, "mlqa", raw / "mlqa", tmp_path / "bin")
    info = meta(tmp_path / "bin")
    assert info["answer_metric"] == "mlqa"
    assert info["splits"] == {"de": {"test": 4, "valid": 4}, "en": {"test": 4, "train": 4, "valid": 4}}
    run(
        tiny_spm,
        "mlqa",
        raw / "mlqa",
        tmp_path / "cross",
        "--context-language",
        "en",
        "--languages",
        "de",
        "--dev-as-test",
    )
    assert meta(tmp_path / "cross")["splits"] == {"de": {"test": 4}, "en": {"test": 4, "train": 4}}
    assert prepared.strings(tmp_path / "cross/de", "raw", "test")[0].startswith("en dev 0")
    with pytest.raises(UserError, match=r"no dev/dev-context-XX-question-XX\.json"):
        run(tiny_spm, "mlqa", raw / "mlqa", tmp_path / "x", "--question-language", "fr")


def test_tydiqa_without_gold(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    raw = tmp_path / "raw"
    train = write(raw / "tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json", content("en", "train", 3))
    for lang in ("en", "sw"):
        data = content(lang, "dev", 1)
        for q in all_questions(data):
            q["answers"] = [{"text": "", "answer_start": 0}]
        write(raw / f"tydiqa-goldp-v1.1-dev/tydiqa.goldp.{lang}.dev.json", data)
    run(tiny_spm, "tydiqa", raw, tmp_path / "bin", "--train", f"{train}[1:]", "--valid", f"{train}[0:1]")
    info = meta(tmp_path / "bin")
    assert info["splits"] == {"en": {"test": 4, "train": 8, "valid": 4}, "sw": {"test": 4}}
    assert info["unlabelled"] == {"en": ["test"], "sw": ["test"]}
    assert [q["answers"] for q in prepared.questions(tmp_path / "bin/sw", "test")] == [[]] * 4
    assert "test (no" in capsys.readouterr().out


def test_translations_are_cut_like_the_training_file(tiny_spm: Any, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    train = write(raw / "tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json", content("en", "train", 3))
    write(raw / "translate-train/en-sw.json", content("sw", "train", 3))
    write(raw / "tydiqa-goldp-v1.1-dev/tydiqa.goldp.sw.dev.json", content("sw", "dev", 1))
    run(tiny_spm, "tydiqa", raw, tmp_path / "bin", "--train", f"{train}[1:]", "--valid", f"{train}[0:1]")
    english, swahili = (prepared.questions(tmp_path / "bin" / lang, "train") for lang in ("en", "sw"))
    assert len(english) == 8 and [q["id"] for q in swahili] == [q["id"] for q in english]


def test_warnings(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    english, german = (write(tmp_path / f"{lang}.json", content(lang, "test", 2)) for lang in ("en", "de"))
    run(tiny_spm, "squad", tmp_path / "bin", "--test", f"en={english}", f"de={german}", "--valid", f"de={german}",
        "--translate-test", f"de={english}")  # fmt: skip
    error = capsys.readouterr().err
    assert "100% of the translate-test rows equal the source language's own test set" in error
    assert "de: valid and test hold the same questions" in error
    assert "--train: no file" in error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("translate-train/squad.translate.train.en-de.json", "train-0-0", "new"),
            "question id new is not among the source",
        ),
        (
            ("back-translation/en-de.json", "train-5-1", "new"),
            "en-de.json: no question with the id train-5-1 of .* .1 of 8",
        ),
        (("translate-test/xquad.translate.test.de-en.json", "test-0-1", "x"), "no question with the id test-0-1"),
        (("xquad.de.json", "de kabo test-0-0?", "\\u200e"), "test-0-0: the question has no visible character"),
    ],
)
def test_errors_leave_nothing_behind(tiny_spm: Any, tmp_path: Path, change: tuple[str, str, str], message: str) -> None:
    raw = make_xquad(tmp_path / "raw") / "xquad"
    name, old, new = change
    text = (raw / name).read_text(encoding="utf-8")
    old = f'"{old}"'
    assert text.count(old) == 1
    (raw / name).write_text(text.replace(old, f'"{new}"'), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        run(tiny_spm, "xquad", raw, tmp_path / "bin")
    assert not list(tmp_path.glob("bin*"))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["xquad", "{raw}", "--languages", "fr"], "--languages: no file for fr; none of .*xquad.fr.json exists"),
        (["xquad", "{raw}/none"], "RAW: .* is no folder; give the folder that holds xquad.XX.json"),
        (["xquad", "{raw}/translate-dev"], "RAW: no file of xquad"),
        (["xquad", "{raw}", "--train", "nowhere.json"], "--train: nowhere.json .en. does not exist"),
        (["xquad", "{raw}", "--valid", "no-{lang}.json"], "--valid: no-{lang}.json does not exist for any of"),
        (["xquad", "{raw}", "--translate-test", "no-{lang}.json"], "--translate-test: no-de.json does not exist"),
    ],
)
def test_wrong_options(tiny_spm: Any, tmp_path: Path, args: list[str], message: str) -> None:
    raw = make_xquad(tmp_path / "raw") / "xquad"
    name, folder, *rest = (arg.replace("{raw}", str(raw)) for arg in args)
    with pytest.raises(UserError, match=message):
        run(tiny_spm, name, folder, tmp_path / "bin", *rest)


def test_layouts_of_the_hub_give_the_same_bytes(tiny_spm: Any, tmp_path: Path, capsys: Any) -> None:
    rows = [
        {"id": q["id"], "title": "t", "context": p["context"], "question": q["question"],
         "answers": {key: [a[key] for a in q["answers"]] for key in ("text", "answer_start")}}
        for a in content("en", "train", 2)["data"] for p in a["paragraphs"] for q in p["qas"]
    ]  # fmt: skip
    files = {
        "nested": write(tmp_path / "nested.json", content("en", "train", 2)),
        "flat": write(tmp_path / "flat.json", {"version": "2", "data": rows}),
        "list": write(tmp_path / "list.json", rows),
        "lines": tmp_path / "lines.jsonl",
        "viewer": write(tmp_path / "viewer.json", {"features": [], "rows": [{"row_idx": 0, "row": r} for r in rows]}),
    }
    files["lines"].write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, file in files.items():
        run(tiny_spm, "squad", tmp_path / name, "--train", f"en={file}")
        cells = next(line for line in capsys.readouterr().out.splitlines() if " train " in line).split("│")
        assert [cells[4].strip(), cells[9].strip()] == ["8", "100.00%"]
    trees = {name: tree(tmp_path / name / "en") for name in files}
    assert all(found == trees["nested"] for found in trees.values())
