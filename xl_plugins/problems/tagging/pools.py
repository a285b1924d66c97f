"""Tagged sentences as pools of co-training, whose labels are predicted (XLA, ACL 2021)."""

import numpy as np
from fairseq.data.indexed_dataset import dataset_exists

from ...data.training.tagged_texts import NSPECIAL, TaggedTexts
from ...data.training.tagging import TagPart
from ...errors import UserError
from ..classification import Classification


class TagPools(Classification):
    """Opens a pool, gives its sentences predicted labels, and counts them."""

    def pool_part(self, folder: str, index: int) -> TagPart:
        language = folder.split("/")[0]
        if dataset_exists(self.data.prefix(folder, "words", "train"), "mmap"):
            language = folder
        target = TaggedTexts(self.data, language, "train", self.cfg.max_length, labelled=False)
        if language != folder:  # substitutes of the language's own words, such as SALT's counterparts
            pieces = self.data.open_text(folder, "input0", "train")
            if not np.array_equal(pieces.sizes, target.pieces.sizes):
                raise UserError(
                    f"{self.data.prefix(folder, 'words', 'train')}.idx: missing, and the texts are not as long as those"
                    f" of {language}; make them again"
                )
            target = target.with_pieces(pieces)
        return TagPart(folder, index, target, len(self.labels), soft=False)

    def relabelled(self, part: TagPart, rows: np.ndarray, labels: np.ndarray, sizes: np.ndarray) -> TagPart:
        in_file = rows if part.rows is None else part.rows[rows]
        target = part.target.take(rows).with_labels(labels, sizes)
        return TagPart(part.language, part.language_index, target, part.classes, part.soft, rows=in_file)

    def label_counts(self, part: TagPart) -> np.ndarray:
        return part.target.word_counts

    def gold_labels(self, part: TagPart) -> np.ndarray | None:
        if not self.data.has_labels(part.language, "train"):
            return None
        labels = TaggedTexts(self.data, part.language, "train", self.cfg.max_length).labels
        assert labels is not None
        ends = labels.starts[1:] - 1  # </s>
        return np.delete(labels.flat, ends).astype(np.int64) - NSPECIAL
