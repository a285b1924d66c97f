"""One job: what tells it from others, its manifest, and what is left where it stopped."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from user_dir_tests.helpers.prepare.runs import tree
from user_dir_tests.helpers.references.counterparts import Oracle, texts_of
from user_dir_tests.helpers.toys.toy import write_rows
from user_dir_tests.helpers.toys.toy_counterparts import LANGUAGES, POSITIONS, World, make_world
from xl_plugins.augment.counterparts import files as counterpart_files
from xl_plugins.augment.counterparts import finder as counterparts
from xl_plugins.augment.counterparts.files import open_counterparts, read_manifest
from xl_plugins.augment.counterparts.job import CounterpartJob
from xl_plugins.augment.counterparts.options import CounterpartOptions
from xl_plugins.augment.counterparts.report import Counts
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.errors import UserError
from xl_plugins.models.pretrained import load_language_model


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(counterparts, "BLOCK", 9)
    return make_world(tmp_path)


def make_job(world: World, data: Path | None = None, precision: str = "fp32", **options: Any) -> CounterpartJob:
    given = {"word_lists": str(world.lists), **options}
    return CounterpartJob(DataBin(data or world.pairs), CounterpartOptions("en", **given), str(world.model), precision)


def make(job: CounterpartJob, overwrite: bool = False) -> dict[str, Counts]:
    """Do all that is pending."""
    pending = job.pending(overwrite)
    store = job.store(pending)
    finder = job.finder(load_language_model(job.model_path, job.data.dictionary), pending)
    job.compute(finder, store, store.missing(range(store.count)))
    return job.merge(store, pending)


def marks(job: CounterpartJob) -> dict[str, str]:
    return {one.language: job.mark(one) for one in job.vocabularies}


def test_manifest(world: World) -> None:
    (world.lists / "fr.txt").write_bytes(b"# common words\n" + (world.lists / "fr.txt").read_bytes() + b"\nunseen 12\n")
    job = make_job(world, thresholds={"fr": 1e-5}, top_k=17)
    make(job)
    found = read_manifest(job.data, "fr")
    assert found == json.loads((world.pairs / "en/counterparts/fr/manifest.json").read_text(encoding="utf-8"))
    columns = [texts_of(job.data, field) for field in ("input0", "input1")]
    texts = list(dict.fromkeys(tuple(row) for column in columns for row in column))
    counts = Oracle(world, thresholds={"fr": 1e-5}).counts("fr", texts)
    stated = found.pop("counts")
    assert {name: stated[name] for name in counts} == counts
    assert stated["examples"] == 30 and stated["texts"] == len(texts)
    assert stated["rate"] == counts["substituted"] / counts["eligible"] > 0.5
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in
               {"model": world.model, "list": world.lists / "fr.txt", "spm": world.spm.model}.items()}  # fmt: skip
    assert found.pop("fingerprint") == marks(job)["fr"]
    assert len(found.pop("text_sha256")) == len(found.pop("dictionary_sha256")) == 64
    assert found == {
        "kind": "counterparts", "version": 1, "split": "train", "language": "fr", "source_language": "en",
        "fields": ["input0", "input1"],
        "model": {"file": "model.pt", "sha256": digests["model"], "precision": "fp32"},
        "sentencepiece_sha256": digests["spm"],
        "word_list": {"file": "fr.txt", "sha256": digests["list"], "top_k": 17, "lines": 17,
                      "skipped": {"comment": 1, "empty": 1}},
        "vocabulary": {"pieces": 19, "words": 15, "single_pieces": 14, "coverage": 14 / 15},
        "reading": "whole vocabulary", "threshold": 1e-5, "positions": "whole-word", "case": "match",
        "source_in_list": False, "exclude_identity": False,
    }  # fmt: skip


def test_files_are_row_by_row_those_of_the_text(world: World) -> None:
    """Four copies of every example, in the order of the examples; repeated texts have the same counterparts."""
    job = make_job(world)
    counts = make(job)
    oracle = Oracle(world)
    assert list(counts) == list(LANGUAGES)
    for language in LANGUAGES:
        for field in ("input0", "input1"):
            original = texts_of(job.data, field)
            assert texts_of(job.data, field, language) == [oracle.copy(language, row) for row in original]
            assert open_counterparts(job.data, language, field)._index.dtype == np.uint16
        folder = world.pairs / "en" / "counterparts" / language
        assert set(tree(folder)) == {f"{f}/train.{x}" for f in ("input0", "input1") for x in ("bin", "idx")} | {
            ".xl_plugins.json", "checksums.json", "manifest.json",
        }  # fmt: skip
    assert sorted(path.name for path in folder.parent.iterdir()) == sorted(LANGUAGES)


def test_tagged_sentences(world: World) -> None:
    job = make_job(world, world.tagged, languages=("de",))
    counts = make(job)["de"]
    oracle, original = Oracle(world), texts_of(job.data)
    assert texts_of(job.data, "input0", "de") == [oracle.copy("de", row) for row in original]
    assert counts.substituted == oracle.counts("de", dict.fromkeys(map(tuple, original)))["substituted"] > 20
    assert read_manifest(job.data, "de")["fields"] == ["input0"]
    assert not (world.tagged / "en/counterparts/de/input1").exists()


@pytest.mark.parametrize(
    ("changed", "languages"),
    [
        ({"thresholds": {"fr": 1e-6}}, "fr"),
        ({"source_threshold": 1e-2}, "en"),
        ({"threshold": 1e-6}, "fr es de"),
        ({"positions": "all"}, "en fr es de"),
        ({"case": "any"}, "en fr es de"),
        ({"exclude_identity": True}, "en fr es de"),
        ({"source_in_list": True}, "en fr es de"),
        ({"source_threshold": 0.5, "threshold": 0.5, "renormalize": True}, "en fr es de"),
        ({"top_k": 11}, "en fr de"),  # the Spanish list has ten words
        ({"precision": "bf16"}, "en fr es de"),
    ],
)
def test_options_that_decide(world: World, changed: dict, languages: str) -> None:
    before, after = marks(make_job(world)), marks(make_job(world, **changed))
    assert [name for name in LANGUAGES if before[name] != after[name]] == languages.split()
    assert len(set(before.values())) == 4


def test_what_does_not_decide(world: World) -> None:
    """Other languages, how a list is packed and what is behind its words, where the files lie."""
    before = marks(make_job(world))
    assert marks(make_job(world, languages=("de", "fr"))) == {name: before[name] for name in ("de", "fr")}
    assert marks(make_job(world, top_k=20_000)) == before
    moved = world.lists.parent / "other"
    moved.mkdir()
    for language in LANGUAGES:
        lines = (world.lists / f"{language}.txt").read_text(encoding="utf-8").splitlines()
        with gzip.open(moved / f"{language}.txt.gz", "wt", encoding="utf-8") as file:
            file.write("".join(f"{word}\t7\n" for word in reversed(lines)))
    shutil.copytree(world.pairs, moved / "data")
    assert marks(make_job(world, moved / "data", word_lists=str(moved / "{lang}.txt"))) == before


def test_inputs_that_decide(world: World) -> None:
    before = marks(make_job(world))
    (world.lists / "de.txt").write_text("der\nhund\n")
    changed = marks(make_job(world))
    assert [name for name in LANGUAGES if before[name] != changed[name]] == ["de"]
    for path in (world.model, world.pairs / "en/input1/train.bin"):
        content = path.read_bytes()
        path.write_bytes(content[:-4] + content[-2:] + content[-4:-2] if path.suffix == ".bin" else content + b"\0")
        again = marks(make_job(world))
        assert not set(again.values()) & set(changed.values())
        path.write_bytes(content)
    assert marks(make_job(world)) == changed
    rows = texts_of(DataBin(world.pairs))
    assert rows[4] == rows[3]  # the same texts, in the same order, in another row
    write_rows(world.pairs / "en/input0/train", [*rows[:4], rows[0], *rows[5:]], 60)
    assert not set(marks(make_job(world)).values()) & set(changed.values())


def test_counterparts_of_other_options_are_replaced_only_when_asked(world: World) -> None:
    make(make_job(world))
    before = tree(world.pairs)
    job = make_job(world, thresholds={"fr": 0.5})
    with pytest.raises(
        UserError, match=r"en/counterparts/fr: counterparts made with other options, text or model; pass"
    ):
        job.pending()
    assert [one.language for one in job.pending(overwrite=True)] == ["fr"]
    assert tree(world.pairs) == before
    make(job, overwrite=True)
    after = tree(world.pairs)
    assert {name.split("/")[2] for name in before if before[name] != after[name]} == {"fr"}
    assert read_manifest(job.data, "fr")["threshold"] == 0.5 and job.pending() == []


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff"])
def test_a_damaged_manifest(world: World, content: bytes) -> None:
    job = make_job(world, languages=("fr",))
    make(job)
    before, path = tree(world.pairs), world.pairs / "en/counterparts/fr/manifest.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"fr/manifest\.json: not JSON .*make the counterparts again with --overwrite"):
        job.pending()
    make(job, overwrite=True)
    assert tree(world.pairs) == before


def test_source_list_is_used_where_its_counterparts_are_there_already(world: World) -> None:
    """A language that is added later is substituted at the same words."""
    make(make_job(world, source_in_list=True))
    whole = tree(world.pairs / "en/counterparts")
    shutil.rmtree(world.pairs / "en/counterparts/de")
    job = make_job(world, source_in_list=True)
    assert [one.language for one in job.pending()] == ["de"]
    make(job)
    assert tree(world.pairs / "en/counterparts") == whole
    with pytest.raises(UserError, match=r"--source-in-list: the list of en is needed; add en to --languages"):
        make_job(world, source_in_list=True, languages=("fr", "de"))


def test_within_a_vocabulary_thresholds_may_reject_something(world: World) -> None:
    taus = {"source_threshold": 0.2, "threshold": 1 / 10, "renormalize": True}
    assert len(make_job(world, languages=("en", "es"), thresholds={"es": 1 / 13}, **taus).vocabularies[1]) == 13
    with pytest.raises(
        UserError, match=r"^--threshold 0\.07 for es: with --renormalize the best of 13 words has at lea"
    ):
        make_job(world, languages=("en", "es"), thresholds={"es": 0.07}, **taus)


def test_a_merge_that_fails_leaves_the_blocks_and_nothing_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No language appears before all of them are written, so that the blocks serve the next try."""
    job = make_job(world)
    pending = job.pending()
    store = job.store(pending)
    job.compute(
        job.finder(load_language_model(job.model_path, job.data.dictionary), pending), store, range(store.count)
    )
    gather, calls = counterpart_files.gather, []

    def full(*args: Any, **options: Any) -> None:
        calls.append(args)
        if len(calls) == 6:  # of the third language
            raise OSError(errno.ENOSPC, "No space left on device")
        gather(*args, **options)

    monkeypatch.setattr(counterpart_files, "gather", full)
    with pytest.raises(OSError):
        job.merge(store, pending)
    left = {path.name for path in (world.pairs / "en/counterparts").iterdir()}
    assert left == {Path(store.folder).name}
    monkeypatch.undo()
    monkeypatch.setattr(counterparts, "BLOCK", 9)
    again = make_job(world)
    assert [one.language for one in again.pending()] == list(LANGUAGES)
    same = again.store(again.pending())
    assert same.folder == store.folder and same.missing(range(same.count)) == [] and same.count == 6
    again.merge(same, again.pending())
    assert {path.name for path in (world.pairs / "en/counterparts").iterdir()} == set(LANGUAGES)


def test_sizes_of_blocks(world: World) -> None:
    job = make_job(world, languages=("fr",))
    assert job.texts.blocks == 6 and job.size(range(6)) == len(job.texts.texts) == 50 and job.size([0, 5]) == 14
    finder = job.finder(load_language_model(job.model_path, job.data.dictionary), job.vocabularies, 99)
    assert (finder.max_length, finder.max_tokens) == (POSITIONS, 99)
