"""Files of soft labels: what is read and every way in which they do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xl_plugins.errors import UserError
from xl_plugins.formats.examples.soft_labels import SoftLabels

LABELS = ("O", "NOUN", "VERB")
SENTENCES = [["Hunde", "bellen"], ["Ja"]]
GOOD = "Hunde\t0.1;0.8;0.1\nbellen\t0;0.25;0.75\n\nJa\t1;0;0\n"


def read(tmp_path: Path, text: str) -> np.ndarray:
    path = tmp_path / "soft.tsv"
    path.write_text(text, encoding="utf-8")
    reader = SoftLabels(str(path), LABELS, "train-de.tsv")
    vectors = reader.take(SENTENCES)
    reader.finish()
    return vectors


def test_vectors_in_order_of_words(tmp_path: Path) -> None:
    vectors = read(tmp_path, GOOD)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [[0.1, 0.8, 0.1], [0, 0.25, 0.75], [1, 0, 0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bellen\t0;0.25;0.75\n", "", r"soft.tsv:1: 1 vectors, but the sentence has 2 words in train-de.tsv"),
        ("0;0.25;0.75", "0;1", r"soft.tsv:2: 2 probabilities, but there are 3 labels \(O, NOUN, VERB\)"),
        ("0;0.25;0.75", "0;0.25;0.75;0", "soft.tsv:2: 4 probabilities"),
        ("0;0.25;0.75", "-0.5;0.75;0.75", "soft.tsv:2: probability -0.5 is negative; these look like logits"),
        ("0;0.25;0.75", "nan;0.25;0.75", "soft.tsv:2: probability nan is not finite"),
        ("0;0.25;0.75", "0;inf;0.75", "soft.tsv:2: probability inf is not finite"),
        ("0;0.25;0.75", "2.5;0.25;1", "soft.tsv:2: the probabilities sum to 3.75, not to 1; these look like logits"),
        ("0;0.25;0.75", "0;0.25;0.7489", "soft.tsv:2: the probabilities sum to 0.9989"),
        ("0;0.25;0.75", "0;a;0.75", "soft.tsv:2: 'a' is not a number"),
        ("bellen\t", "bellten\t", "soft.tsv:2: the word is 'bellten', but 'bellen' in train-de.tsv"),
        ("bellen\t0", "bellen 0", "soft.tsv:2: expected 'word TAB p1;p2;...'"),
        ("\nJa\t1;0;0\n", "", "soft.tsv: 1 sentences, but train-de.tsv has more"),
        ("Ja\t1;0;0\n", "Ja\t1;0;0\n\nmehr\t1;0;0\n", "soft.tsv:6: more sentences than the 2 of train-de.tsv"),
    ],
)
def test_errors(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(UserError, match=message):
        read(tmp_path, GOOD.replace(old, new))


def test_rounding_is_no_mistake(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD.replace("0;0.25;0.75", "0;0.25;0.7495")).shape == (3, 3)
