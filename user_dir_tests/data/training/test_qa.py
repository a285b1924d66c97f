"""Questions: windows, answer positions, pairing by id, batches, worker processes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from user_dir_tests.helpers.toys.toy_positions import make_qa, write_flat
from xl_plugins.data.binary.layout import DataBin
from xl_plugins.data.training.qa import QADataset, QAPart
from xl_plugins.data.training.questions import Questions, Windowing, match
from xl_plugins.errors import UserError

SMALL = Windowing(max_length=16, stride=5, max_question=3)
WINDOWINGS = st.builds(Windowing, st.integers(11, 40), st.integers(1, 30), st.integers(1, 6))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataBin:
    return DataBin(make_qa(tmp_path_factory.mktemp("qa") / "data"))


def part(data: DataBin, language: str, index: int, split: str = "train", source_window: str = "first") -> QAPart:
    """As X-Mixup pairs it: training with gold source and back-translation, evaluation with the translation."""
    training, view = split == "train", language != "en"
    made = QAPart(language, index, Questions(data, language, split, SMALL), training, not training, source_window)
    made.source = Questions(data, "en", split, SMALL) if training else Questions(data, language, split, SMALL, view)
    if training:
        made.back_translation = Questions(data, language, split, SMALL, view)
    return made


@pytest.fixture(scope="module")
def paired(data: DataBin) -> QADataset:
    return QADataset([part(data, lang, i) for i, lang in enumerate(("de", "en", "fr"))], data.dictionary, True)


@pytest.fixture(scope="module")
def evaluated(data: DataBin) -> QADataset:
    return QADataset([part(data, lang, i, "valid") for i, lang in enumerate(("de", "en"))], data.dictionary, False)


# -- windows --


@settings(max_examples=25, deadline=None)
@given(WINDOWINGS)
def test_windows_cover_every_piece_with_the_given_step(data: DataBin, windowing: Windowing) -> None:
    made = Questions(data, "de", "train", windowing)
    texts, contexts = data.open_text("de", "input0", "train"), data.open_text("de", "input1", "train")
    for question in range(len(made)):
        asked = texts[question].tolist()[:-1][: windowing.max_question]
        context = contexts[int(made.spans[question, 1])].tolist()[:-1]
        budget = windowing.max_length - 4 - len(asked)
        covered, start = set(), 0
        for number in range(int(made.window_counts[question])):
            first, length = made.window(question, number)
            assert first == start and 1 <= length <= budget
            shown = context[first : first + length]
            assert made.tokens(question, number).tolist() == [0, *asked, 2, 2, *shown, 2]
            assert made.context_begin(question) == len(asked) + 3
            covered |= set(range(first, first + length))
            start += min(windowing.stride, budget)
        assert covered == set(range(len(context)))
        assert first + length == len(context), "the last window ends with the context"
        assert number == 0 or first + length - min(windowing.stride, budget) < len(context), "no window too many"
        assert made.longest()[question] == max(len(made.tokens(question, n)) for n in range(number + 1))
        assert made.longest()[question] <= windowing.max_length


@settings(max_examples=25, deadline=None)
@given(WINDOWINGS)
def test_positions_point_at_the_answer_or_at_the_first_position(data: DataBin, windowing: Windowing) -> None:
    made, seen = Questions(data, "de", "train", windowing), 0
    contexts = data.open_text("de", "input1", "train")
    for question in range(len(made)):
        _, paragraph, first, last, *_ = made.spans[question].tolist()
        answer = contexts[paragraph].tolist()[first : last + 1]
        for number in range(int(made.window_counts[question])):
            start, length = made.window(question, number)
            begin, end = made.positions(question, number)
            if start <= first and last < start + length:
                assert made.tokens(question, number)[begin : end + 1].tolist() == answer and begin > 3
                seen += 1
            else:
                assert (begin, end) == (0, 0)
    assert seen > 0


def test_unknown_answers_point_at_the_first_position(tmp_path: Path) -> None:
    root = make_qa(tmp_path / "data")
    path = root / "de" / "spans" / "train.npy"
    spans = np.load(path)
    spans[:, 2:] = -1
    np.save(path, spans)
    made = Questions(DataBin(root), "de", "train", SMALL)
    assert {made.positions(q, n) for q in range(18) for n in range(int(made.window_counts[q]))} == {(0, 0)}


def test_window_numbers_are_clamped_to_the_last(data: DataBin) -> None:
    made = Questions(data, "de", "train", SMALL)
    for question in range(len(made)):
        last = int(made.window_counts[question]) - 1
        assert made.window(question, last + 5) == made.window(question, last)
        assert made.tokens(question, last + 5).tolist() == made.tokens(question, last).tolist()


def test_raw_text(data: DataBin) -> None:
    """Toy contexts are words ``w<piece>``; offsets cut them out exactly."""
    made = Questions(data, "fr", "test", SMALL)
    contexts = data.open_text("fr", "input1", "test")
    for question in range(len(made)):
        text, offsets = made.context(question), made.offsets(question)
        pieces = contexts[int(made.spans[question, 1])].tolist()[:-1]
        assert [text[a:b] for a, b in offsets] == [f"w{piece}" for piece in pieces]
        start, end = made.spans[question, 4:].tolist()
        assert made.record(question)["answers"] == [text[start:end]] and made.record(question)["id"] == f"q{question}"


# -- pairing by id --


def rewrite_ids(root: Path, language: str, ids: list[int], split: str = "train", view: str = "") -> None:
    path = root / language / view / "spans" / f"{split}.npy"
    spans = np.load(path)[: len(ids)]
    spans[:, 0] = ids
    np.save(path, spans)


def test_match_finds_the_same_ids_in_any_order(tmp_path: Path) -> None:
    root = make_qa(tmp_path / "data")
    order = np.random.default_rng(1).permutation(18)
    rewrite_ids(root, "en", (1000 + order).tolist())
    german, english = (Questions(DataBin(root), lang, "train", SMALL) for lang in ("de", "en"))
    rows = match(german, english)
    assert (order[rows] == np.arange(18)).all()
    made = QAPart("de", 0, german, windows=True, raw=False, source=english)
    made.check_rows()
    for unit in range(len(made)):
        question = int(made.question[unit])
        assert made.item(unit)["source"][0].tolist() == english.tokens(int(rows[question]), 0).tolist()
        assert made.item(unit)["source_labels"] == [english.positions(int(rows[question]), 0)]


def test_missing_id_is_named(tmp_path: Path) -> None:
    root = make_qa(tmp_path / "data")
    rewrite_ids(root, "de", [7000, 1001, 7001, *range(1003, 1018)])
    german, english = (Questions(DataBin(root), lang, "train", SMALL) for lang in ("de", "en"))
    with pytest.raises(UserError) as caught:
        match(german, english)
    assert str(caught.value) == (
        f"{german.path}: question 'q0' (2 of 18) is not in {english.path}; the source needs the same question ids (or"
        " leave the language out)"
    )


def test_repeated_ids_pair_by_row_or_not_at_all(tmp_path: Path) -> None:
    root = make_qa(tmp_path / "data")
    ids = [*[1000] * 9, *range(2000, 2009)]
    for language in ("de", "en"):
        rewrite_ids(root, language, ids)
    german, english = (Questions(DataBin(root), lang, "train", SMALL) for lang in ("de", "en"))
    assert match(german, english).tolist() == list(range(18))
    rewrite_ids(root, "de", ids[::-1])
    with pytest.raises(UserError, match="question id 'q0' occurs more than once"):
        match(Questions(DataBin(root), "de", "train", SMALL), english)


def test_back_translation_of_another_question_is_refused(tmp_path: Path) -> None:
    root = make_qa(tmp_path / "data")
    rewrite_ids(root, "de", [1000, 1002, 1001, *range(1003, 1018)], view="en-view")
    with pytest.raises(UserError, match=r"de/en-view/input0/train: row 2 has another question id than .*de/input0"):
        QADataset([part(DataBin(root), "de", 0)], DataBin(root).dictionary, True)


# -- batches --


def assert_batch(batch: dict, items: list[dict]) -> None:
    rows = [row for item in items for row in item["rows"]]
    width = max(map(len, rows))
    assert batch["unit"].tolist() == [item["id"] for item in items] and batch["nsentences"] == len(batch["id"])
    assert batch["id"].tolist() == [item["id"] for item in items for _ in item["rows"]]
    assert batch["unit_language"].tolist() == [item["language"] for item in items]
    assert batch["net_input"]["src_tokens"].tolist() == [row.tolist() + [1] * (width - len(row)) for row in rows]
    assert batch["ntokens"] == sum(map(len, rows))
    assert batch["target"].tolist() == [list(label) for item in items for label in item["labels"]]
    for name, field in (("source", "source"), ("back_translation", "back_translation")):
        if name in batch:
            texts = [text.tolist() for item in items for text in item[field]]
            width = max(map(len, texts))
            assert batch[name].tolist() == [text + [1] * (width - len(text)) for text in texts]


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_training_batch_of_windows(paired: QADataset, draw: st.DataObject) -> None:
    ids = draw.draw(st.lists(st.integers(0, len(paired) - 1), min_size=1, max_size=7))
    items = [paired[i] for i in ids]
    batch = paired.collater(items)
    assert all(len(item["rows"]) == 1 for item in items) and "raw" not in batch
    assert_batch(batch, items)
    assert batch["source_target"].tolist() == [list(item["source_labels"][0]) for item in items]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 15), min_size=1, max_size=5, unique=True))
def test_evaluation_batch_of_questions(evaluated: QADataset, ids: list[int]) -> None:
    items = [evaluated[i] for i in ids]
    batch = evaluated.collater(items)
    assert_batch(batch, items)
    at = 0
    for item, index in zip(items, ids):
        made, question = evaluated.locate(index)
        assert len(item["rows"]) == made.target.window_counts[question]
        for number in range(len(item["rows"])):
            begin, first, length, pieces = batch["window"][at].tolist()
            assert (first, length) == made.target.window(question, number)
            assert begin == made.target.context_begin(question)
            assert pieces == made.target.context_lengths[question] == len(item["raw"][1])
            at += 1
    assert [raw[2] for raw in batch["raw"]] == [item["raw"][2] for item in items]
    assert at == len(batch["id"])


def test_some_questions_have_several_windows(paired: QADataset, evaluated: QADataset) -> None:
    """The toy contexts exercise what the tests above are about."""
    assert max(len(evaluated[i]["rows"]) for i in range(len(evaluated))) >= 3
    assert len(paired) > 3 * 18
    assert sum(paired[i]["labels"][0] == (0, 0) for i in range(len(paired))) > 10


@pytest.mark.parametrize("source_window", ["first", "aligned"])
def test_source_window(data: DataBin, source_window: str) -> None:
    made = part(data, "de", 0, source_window=source_window)
    made.check_rows()
    numbers = []
    for unit in range(len(made)):
        question, number = made.rows(unit)[0]
        wanted = number if source_window == "aligned" else 0
        item = made.item(unit)
        assert item["source"][0].tolist() == made.source.tokens(question, wanted).tolist()
        assert item["source_labels"] == [made.source.positions(question, wanted)]
        assert item["back_translation"][0].tolist() == made.back_translation.tokens(question, wanted).tolist()
        numbers.append(number)
    assert max(numbers) >= 2


def test_sizes_and_messages(paired: QADataset, evaluated: QADataset) -> None:
    for index in range(len(paired)):
        item = paired[index]
        made, unit = paired.locate(index)
        question = made.rows(unit)[0][0]
        target, source, back = (
            int(texts.longest()[question]) for texts in (made.target, made.source, made.back_translation)
        )
        assert len(item["rows"][0]) <= target
        assert paired.size(index) == max(target, source) and paired.num_tokens(index) == target + max(source, back)
    for index in range(len(evaluated)):
        item = evaluated[index]
        total = sum(map(len, item["rows"])) + sum(map(len, item["source"]))
        assert total <= evaluated.num_tokens(index) <= 2 * 16 * len(item["rows"])
    made, unit = paired.locate(40)
    assert paired.describe([40]) == f"{made.language}:q{made.rows(unit)[0][0]}"
    assert evaluated.describe([0, 9]) == "de:q0, en:q1"


def test_empty_batch(paired: QADataset) -> None:
    assert paired.collater([]) == {}


def same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)  # type: ignore[arg-type]
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)  # type: ignore[arg-type]
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)  # type: ignore
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))  # type: ignore
    return one == other


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("split", ["train", "valid"])
def test_worker_processes_give_the_same_batches(request: pytest.FixtureRequest, split: str, workers: int) -> None:
    dataset = request.getfixturevalue("paired" if split == "train" else "evaluated")

    def batches(count: int) -> list[dict]:
        loader = torch.utils.data.DataLoader(
            dataset, batch_sampler=[[3, 10, 7], [0], [15, 1]], collate_fn=dataset.collater, num_workers=count
        )
        return list(loader)

    assert all(same(one, other) for one, other in zip(batches(0), batches(workers), strict=True))


def test_a_pickled_data_set_reads_the_same_rows(evaluated: QADataset) -> None:
    """As with the spawn method of starting workers; also after raw text was read."""
    evaluated[2]
    copy = pickle.loads(pickle.dumps(evaluated))
    for index in (0, 9, 15):
        assert same(copy.collater([copy[index]]), evaluated.collater([evaluated[index]]))


# -- raw text that does not fit --


def refused(root: Path) -> str:
    with pytest.raises(UserError) as caught:
        dataset = QADataset([part(DataBin(root), "de", 0, "valid")], DataBin(root).dictionary, False)
        dataset.collater([dataset[i] for i in range(len(dataset))])
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("field, kind", [("answers", np.uint8), ("raw", np.uint8), ("offsets", np.int32)])
def test_raw_text_with_other_rows(tmp_path: Path, field: str, kind: type) -> None:
    root = make_qa(tmp_path / "data")
    write_flat(root / "de" / field / "valid", [[0, 1]], kind)
    wanted = 8 if field == "answers" else 4
    assert refused(root) == f"{root}/de/{field}/valid.idx: 1 rows, expected {wanted}; run xl-prepare again"


def test_offsets_of_another_text(tmp_path: Path) -> None:
    root = make_qa(tmp_path / "data")
    made = Questions(DataBin(root), "de", "valid", SMALL)
    rows = [made._rows("offsets", np.int32)[i].tolist() for i in range(4)]
    write_flat(root / "de" / "offsets" / "valid", [*rows[:2], rows[2][2:], rows[3]], np.int32)
    text = refused(root)
    assert text.startswith(f"{root}/de/offsets/valid.bin: row 3 does not give two characters for every piece in input1")


@pytest.mark.parametrize("content, words", [(b"{", "is not JSON"), (b"\xff\xfe", "is not UTF-8")])
def test_damaged_record(tmp_path: Path, content: bytes, words: str) -> None:
    root = make_qa(tmp_path / "data")
    good = json.dumps({"id": "a", "question": "q", "answers": []}).encode()
    write_flat(root / "de" / "answers" / "valid", [list(row) for row in [good] * 5 + [content] + [good] * 2], np.uint8)
    assert refused(root).startswith(f"{root}/de/answers/valid.bin: row 6 {words}")
