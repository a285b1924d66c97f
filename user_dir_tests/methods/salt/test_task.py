"""SALT's training step against plain training: what it equals at the ends, what changes in between, what stays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from user_dir_tests.helpers.setups.salt import FIELDS, LANGUAGES, logits, make, read_rows, step, write_counterparts
from user_dir_tests.helpers.setups.salt import problem as problem  # a fixture
from user_dir_tests.helpers.toys.tiny import Setup, batch, in_float64
from user_dir_tests.helpers.toys.toy import make_data, write_rows
from user_dir_tests.helpers.toys.toy_positions import make_tagging
from user_dir_tests.helpers.toys.toy_views import batches, same
from xl_plugins.errors import UserError
from xl_plugins.functional.embedding_mixup import mixing_ratio
from xl_plugins.methods.salt.embeddings import MixedEmbeddings

IDS = [3, 30, 55, 78]
WIDTH = 16


def make_folder(root: Path, problem: str) -> Path:
    maker = {"sentence_pair": make_data, "tagging": make_tagging}[problem]
    return maker(root, longest=8)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("salt")
    made = {problem: make_folder(root / problem, problem) for problem in FIELDS}
    for data in made.values():
        write_counterparts(data, share=0.8)
    return made


def plain(data: Path, problem: str, **options: object) -> Setup:
    return make(data, task=f"xl_{problem}", **options)


# -- what it equals --


def compare(one: tuple, other: tuple) -> None:
    """Loss, logged sums and all gradients are the same numbers."""
    assert one[0] == other[0] and one[1] == other[1] and one[2].keys() == other[2].keys()
    for name, gradient in one[2].items():
        assert torch.equal(gradient, other[2][name]), name


@pytest.mark.parametrize("options", [{}, {"dropout": 0.1, "attention_dropout": 0.1, "pooler_dropout": 0.1}], ids=str)
def test_at_r_1_it_is_plain_training_on_repetitions(folders: dict, problem: str, options: dict) -> None:
    """Logits, loss, counts and all gradients, with dropout too; the counterparts contribute nothing."""
    data, results = folders[problem], []
    salt, base = make(data, problem, mix="constant:1", **options), plain(data, problem, **options)
    count = len(base.task.datasets["train"])
    sample, repeated = batch(salt, IDS), batch(base, [i % count for i in IDS])
    for setup, each in ((salt, sample), (base, repeated)):
        torch.manual_seed(5)
        results.append(step(setup, each))
    compare(*results)
    assert max(gradient.abs().max() for gradient in results[0][2].values()) > 1e-2
    if not options:
        mixed = salt.task.mixed(sample, salt.model, 3)
        assert torch.equal(logits(salt, mixed), logits(base, repeated))


@pytest.mark.parametrize("mix", ["none", "constant:0"])
def test_at_r_0_it_is_plain_training_on_the_counterparts(folders: dict, tmp_path: Path, problem: str, mix: str) -> None:
    """A folder whose training text is the German counterparts gives the same loss and gradients."""
    data = Path(shutil.copytree(folders[problem], tmp_path / "data"))
    for field in FIELDS[problem]:
        write_rows(data / "en" / field / "train", read_rows(data, "en/counterparts/de", field), 64)
    salt, switched = make(folders[problem], problem, mix=mix), plain(data, problem)
    count = len(switched.task.datasets["train"])
    units = [i % count for i in IDS]
    compare(step(salt, batch(salt, [3 * count + i for i in units])), step(switched, batch(switched, units)))
    base = plain(folders[problem], problem)
    assert abs(step(base, batch(base, units))[0] - step(switched, batch(switched, units))[0]) > 1e-3


@pytest.mark.parametrize("options", [{}, {"mix_granularity": "token"}, {"mix": "constant:0.3"}], ids=str)
def test_texts_without_substitutes_do_not_depend_on_r(
    folders: dict, tmp_path: Path, problem: str, options: dict
) -> None:
    """Loss exactly; gradients up to the rounding of r g + (1 - r) g."""
    data = make_folder(tmp_path / "same", problem)
    write_counterparts(data, share=0.0)
    salt, base = make(data, problem, **options), plain(data, problem)
    count = len(base.task.datasets["train"])
    expected = step(base, batch(base, [i % count for i in IDS]))
    for update in (0, 4):
        loss, logged, gradients = step(salt, batch(salt, IDS), update)
        assert loss == expected[0] and logged == expected[1]
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, expected[2][name], rtol=1e-4, atol=1e-6)


def test_originals_are_not_mixed(folders: dict, problem: str) -> None:
    data = folders[problem]
    salt, base = make(data, problem, include_original=True), plain(data, problem)
    count = len(base.task.datasets["train"])
    found, expected = (step(s, batch(s, ids)) for s, ids in ((salt, [4 * count + 2, 4 * count + 9]), (base, [2, 9])))
    assert found[:2] == expected[:2]
    for name, gradient in found[2].items():
        torch.testing.assert_close(gradient, expected[2][name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("extra", [{}, {"include_original": True, "mix": "none"}], ids=str)
def test_without_languages_it_is_the_plain_task(folders: dict, problem: str, extra: dict) -> None:
    data = folders[problem]
    salt = make(data, problem, salt_langs="none", update_freq=[1], **extra)
    base = plain(data, problem, update_freq=[1])
    assert type(salt.task.datasets["train"]) is type(base.task.datasets["train"])
    assert same(batches(salt.task), batches(base.task))
    sample = batch(base, [2, 5, 7])
    compare(step(salt, sample), step(base, sample))


# -- what changes --


@pytest.mark.parametrize("granularity", ["instance", "token", "scalar"])
def test_r_is_drawn_by_seed_update_and_instance(folders: dict, problem: str, granularity: str) -> None:
    """As the pure function has it, of the update that is under way; the embeddings are mixed by it."""
    setup = make(folders[problem], problem, mix_granularity=granularity, seed=7)
    in_float64(setup.model)
    sample = batch(setup, IDS)
    before = {name: str(value) for name, value in sample.items()}
    tokens, other = sample["net_input"]["src_tokens"], sample["counterpart"]
    losses = {update: step(setup, sample, update)[0] for update in (3, 4, 3)}
    assert {name: str(value) for name, value in sample.items()} == before
    for update, loss in losses.items():
        ratio = mixing_ratio(7, update, sample["id"], tokens.size(1), WIDTH, granularity)
        output = logits(setup, sample, edit_embeddings=MixedEmbeddings(other, ratio))
        assert float(setup.task.problem.loss(output, sample).sum()) == pytest.approx(loss, rel=1e-12)
    assert losses[3] != losses[4]
    setup.task.cfg.seed = 8
    assert step(setup, sample, 3)[0] not in losses.values()


def test_an_instance_is_mixed_alike_in_any_batch(folders: dict, problem: str) -> None:
    """Its loss in a batch is that alone: neither neighbours nor padding enter."""
    setup = make(folders[problem], problem)
    in_float64(setup.model)
    sample = batch(setup, IDS)
    assert bool(sample["net_input"]["src_tokens"].eq(1).any())

    def losses(sample: dict) -> Tensor:
        return setup.task.problem.loss(logits(setup, setup.task.mixed(sample, setup.model, 3)), sample)

    if problem == "sentence_pair":
        whole = losses(sample)
        for row, index in enumerate(IDS):
            torch.testing.assert_close(losses(batch(setup, [index])), whole[row : row + 1], rtol=1e-9, atol=1e-11)
    ratio = setup.task.mixed(sample, setup.model, 3)["net_input"]["edit_embeddings"].ratio
    for row, index in enumerate(IDS):
        alone = setup.task.mixed(batch(setup, [index]), setup.model, 3)["net_input"]["edit_embeddings"].ratio
        assert torch.equal(alone, ratio[row : row + 1]) and alone.shape == (1, 1, WIDTH)


def test_chunks_of_a_sentence_share_their_ratio(folders: dict, tmp_path: Path) -> None:
    data = make_tagging(tmp_path / "data", longest=20)
    write_counterparts(data)
    setup = make(data, "tagging", max_length=12)
    dataset = setup.task.datasets["train"]
    index = next(i for i in range(len(dataset)) if len(dataset[i]["rows"]) > 2)
    sample = batch(setup, [index, 0])
    ratio = setup.task.mixed(sample, setup.model, 3)["net_input"]["edit_embeddings"].ratio
    rows = sample["id"] == index
    assert int(rows.sum()) > 2 and ratio[rows].unique(dim=0).size(0) == 1
    assert ratio.unique(dim=0).size(0) == 2
    step(setup, sample)


# -- what stays --


@pytest.mark.parametrize(
    "options", [{}, {"mix": "none", "salt_langs": "en"}, {"include_original": True, "mix": "constant:0.2"}], ids=str
)
def test_validation_knows_nothing_of_it(folders: dict, problem: str, options: dict) -> None:
    """Loss and every counter of a dev batch are those of the plain task; so are predictions."""
    results, values = [], []
    for setup in (make(folders[problem], problem, **options), plain(folders[problem], problem)):
        sample = batch(setup, [0, 4, 11], "valid")
        assert "counterpart" not in sample
        setup.criterion.eval()
        loss, size, logged = setup.task.valid_step(sample, setup.model, setup.criterion)
        results.append((float(loss), size, str(logged)))
        with torch.no_grad():
            values.append(setup.task.predict(setup.model, sample)[0])
    assert results[0] == results[1] and torch.equal(*values)


def test_what_a_checkpoint_remembers_is_the_problems(folders: dict, problem: str) -> None:
    salt = make(folders[problem], problem, select="mean-dev").task
    assert salt.state_dict() == {**plain(folders[problem], problem).task.state_dict(), "method": "salt"}
    assert salt.inference() == {"mode": "plain", "description": "target text alone"} and not salt.needs_source


def test_a_loss_that_is_not_finite_names_row_and_language(folders: dict, problem: str) -> None:
    setup = make(folders[problem], problem)
    count = len(setup.task.datasets["train"].base)
    with torch.no_grad():
        setup.model.encoder.sentence_encoder.embed_tokens.weight.fill_(float("nan"))
    with pytest.raises(UserError, match=r"en:3 \(es\)"):
        step(setup, batch(setup, [2 * count + 2]))


def test_languages_of_the_run_are_those_of_the_folder(folders: dict) -> None:
    """Counterparts are no languages to validate on, and es has no data at all."""
    task = make(folders["sentence_pair"]).task
    assert task.languages == ["de", "en", "fr"] and task.salt_languages == list(LANGUAGES)
    assert task.train_languages == ["en"] and task.select_languages == ["en"]
