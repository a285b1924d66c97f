"""The loss of co-training: the penalty belongs to the warm-up, and the log has the same columns throughout a run."""

from __future__ import annotations

import pytest

from user_dir_tests.helpers.cotrain import PROBLEMS, begin, make, run_through
from user_dir_tests.helpers.cotrain import folders as folders  # a fixture


@pytest.mark.parametrize("problem", PROBLEMS)
def test_penalty_in_the_warm_up_alone(folders: dict, problem: str) -> None:
    setup = make(folders, problem)
    stages = begin(setup)
    stages.next_epoch_itr()
    sample = run_through(stages)[0]
    loss, size, warm = setup.criterion(setup.model, sample)
    assert loss.item() == pytest.approx(float(warm["ce"] + warm["penalty"]), rel=1e-5) and warm["penalty"] < -0.1 * size
    stages.epoch = 4
    loss, _, adapted = setup.criterion(setup.model, sample)
    assert loss.item() == pytest.approx(float(warm["ce"]), rel=1e-6)
    assert float(adapted["ce"]) == pytest.approx(float(warm["ce"]), rel=1e-6) and adapted["penalty"] == 0.0
    setup.criterion.eval()
    loss, _, dev = setup.criterion(setup.model, sample)
    assert loss.item() == pytest.approx(float(warm["ce"]), rel=1e-6) and not {"ce", "penalty"} & dev.keys()


@pytest.mark.parametrize("options", [{"xla_warmup_passes": 0.0}, {"conf_penalty": 0.0}], ids=str)
def test_no_columns_without_a_penalty(folders: dict, options: dict) -> None:
    setup = make(folders, "sentence_pair", **options)
    stages = begin(setup)
    stages.next_epoch_itr()
    logged = setup.criterion(setup.model, run_through(stages)[0])[2]
    assert not {"ce", "penalty"} & logged.keys() and logged["loss"] > 0
