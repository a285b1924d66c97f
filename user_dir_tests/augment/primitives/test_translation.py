"""Which translation of an example an epoch reads: one language, uniform, a pure function of seed, epoch and example."""

from __future__ import annotations

import numpy as np
import pytest

from xl_plugins.augment.primitives.translation import Translations
from xl_plugins.errors import UserError

N = 40
WHOLE = np.stack([np.arange(N), np.arange(N)[::-1], np.arange(N) + 3])  # rows of examples differ by language
GAPS = WHOLE.copy()
GAPS[0, ::2] = GAPS[1, ::4] = GAPS[2, :8] = -1  # examples 0 and 4 have no translation at all
LANGUAGES = ["de", "fr", "zh"]
LENGTHS = [N, N, N + 3]


def make(rows: np.ndarray = WHOLE, missing: str = "error", seed: int = 1, **options: object) -> Translations:
    languages = LANGUAGES[: len(rows)]
    return Translations(languages, languages, rows, LENGTHS[: len(rows)], missing, seed, **options)


def draws(found: Translations, epochs: int, view: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(epochs, N) languages and rows."""
    made = [found.draw(epoch, view, np.arange(N)) for epoch in range(1, epochs + 1)]
    return np.stack([language for language, _ in made]), np.stack([row for _, row in made])


@pytest.mark.parametrize("missing", ["error", "skip", "random"])
def test_every_language_is_as_probable_for_every_example(missing: str) -> None:
    language, row = draws(make(missing=missing), 900)
    shares = np.stack([(language == number).mean(axis=0) for number in range(3)])  # (3, N)
    assert shares.sum(axis=0) == pytest.approx(1)
    assert np.abs(shares - 1 / 3).max() < 5 * np.sqrt(2 / 9 / 900)
    assert (row == np.take_along_axis(WHOLE, language, axis=0)).all()


def test_draws_depend_on_seed_epoch_example_and_view_alone() -> None:
    found = make()
    language, row = found.draw(3, 1, np.arange(N))
    again, row_again = make().draw(3, 1, np.arange(N)[::-1])
    assert (language == again[::-1]).all() and (row == row_again[::-1]).all()
    assert [found.draw_one(3, 1, i) for i in range(N)] == list(zip(language.tolist(), row.tolist()))
    others = [make(seed=2).draw(3, 1, np.arange(N)), found.draw(4, 1, np.arange(N)), found.draw(3, 2, np.arange(N))]
    for other, _ in others:
        assert 0.1 < (other == language).mean() < 0.6


@pytest.mark.parametrize("first, second", [((1, 0), (1, 1)), ((1, 0), (2, 0))], ids=["views", "epochs"])
def test_draws_are_independent(first: tuple[int, int], second: tuple[int, int]) -> None:
    """The joint distribution of two draws is uniform."""
    joint = np.zeros((3, 3))
    for seed in range(200):
        pair = [make(seed=seed).draw(*where, np.arange(N))[0] for where in (first, second)]
        np.add.at(joint, tuple(pair), 1)
    assert np.abs(joint / joint.sum() - 1 / 9).max() < 5 * np.sqrt(1 / 9 / (200 * N))


def test_skip_draws_among_the_languages_that_have_one() -> None:
    language, row = draws(make(GAPS, "skip"), 600)
    available = GAPS >= 0
    for example in range(N):
        count = available[:, example].sum()
        if not count:
            assert (language[:, example] == -1).all() and (row[:, example] == -1).all()
            continue
        for number in np.flatnonzero(available[:, example]):
            share = (language[:, example] == number).mean()
            assert abs(share - 1 / count) < 5 * np.sqrt(0.25 / 600) and (share == 1) == (count == 1)
    drawn = language >= 0
    assert (row[drawn] == GAPS[language[drawn], np.nonzero(drawn)[1]]).all()


def test_random_takes_any_row_of_the_language_drawn() -> None:
    language, row = draws(make(GAPS, "random"), 600)
    assert np.array_equal(language, draws(make(missing="random"), 600)[0])  # the language does not depend on gaps
    gap = np.take_along_axis(GAPS, language, axis=0) < 0
    assert (row[~gap] == np.take_along_axis(GAPS, language, axis=0)[~gap]).all()
    for number, length in enumerate(LENGTHS):
        found = row[gap & (language == number)]
        counts = np.bincount(found, minlength=length)
        assert len(counts) == length and np.abs(counts / len(found) - 1 / length).max() < 0.015


def test_error_names_the_first_gap() -> None:
    with pytest.raises(UserError) as caught:
        make(GAPS, names=lambda row: f"q{row + 1}")
    text = str(caught.value)
    gaps = int((GAPS < 0).sum())
    assert text.startswith(f"--mt-missing error: {gaps} translations are missing, the first one is of example 'q1'")
    assert "language 'de'" in text and "\n" not in text


def test_no_language_is_refused() -> None:
    with pytest.raises(UserError, match=r"^--mt-languages: no language is left"):
        make(WHOLE[:0])
