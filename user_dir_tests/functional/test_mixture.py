"""Selection by clustering: worked numbers, and the released selection written from its description."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from xl_plugins.functional.mixture import good_component

LOSSES = np.array([0.01, 0.02, 0.02, 0.03, 0.05, 0.04, 0.06, 0.10, 0.15, 0.22, 0.35, 0.50, 0.80, 0.95, 1.10, 1.40])[
    :, None
]


def released(losses: np.ndarray, threshold: float) -> list[int]:
    """One loss per sample, no scaling; samples of the component with the smaller mean, strictly above."""
    mixture = GaussianMixture(
        n_components=2,
        covariance_type="full",
        tol=1e-5,
        reg_covar=1e-5,
        max_iter=100,
        n_init=1,
        init_params="kmeans",
        random_state=1234,
    )
    mixture.fit(losses)
    first, second = mixture.means_[:, 0]
    good = 0 if first < second else 1
    return [row for row, posteriors in enumerate(mixture.predict_proba(losses)) if posteriors[good] > threshold]


def test_worked_posteriors() -> None:
    selected, posterior = good_component(LOSSES, 0.5, standardize=False)
    expected = [0.9499, 0.9713, 0.9713, 0.9772, 0.9614, 0.9748, 0.9191, 0.0161]
    assert posterior[:8].tolist() == pytest.approx(expected, abs=2e-3)
    assert (posterior[8:] < 1e-8).all()
    assert np.flatnonzero(selected).tolist() == list(range(7))
    assert selected.dtype == bool and posterior.dtype == np.float64


@pytest.mark.parametrize(("threshold", "kept"), [(0.5, range(7)), (0.7, range(7)), (0.955, range(1, 6))])
def test_worked_thresholds(threshold: float, kept: range) -> None:
    """At 0.955 the smallest loss is out: posteriors do not fall with the loss."""
    assert np.flatnonzero(good_component(LOSSES, threshold, False)[0]).tolist() == list(kept)


def test_threshold_is_strict() -> None:
    posterior = good_component(LOSSES, 0.5, False)[1]
    selected = good_component(LOSSES, float(posterior[4]), False)[0]
    assert not selected[4] and selected[1]


def test_narrow_component_rejects_a_loss_far_below_it() -> None:
    losses = np.concatenate([np.linspace(0.28, 0.32, 30), [0.0], np.linspace(0.4, 1.6, 20)])[:, None]
    selected, posterior = good_component(losses, 0.5, False)
    assert posterior[30] < 1e-100 and not selected[30]
    middle = np.abs(losses[:30, 0] - 0.30).argmin()
    assert posterior[middle] == pytest.approx(0.993, abs=2e-3)


def test_equal_losses_are_all_selected() -> None:
    """A mixture of eight equal losses selects none."""
    for losses in (np.full((8, 1), 0.25), 0.25 + np.linspace(0, 9e-9, 8)[:, None]):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            selected, posterior = good_component(losses, 0.5, False)
        assert selected.all() and (posterior == 1).all()
    lengths = np.column_stack([np.full(8, 0.25), np.arange(8.0)])
    assert good_component(lengths, 0.5, True)[0].all()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("threshold", [0.5, 0.7])
def test_equals_the_released_selection(seed: int, threshold: float) -> None:
    rng = np.random.RandomState(seed)
    good, bad = rng.randint(5, 200), rng.randint(5, 200)
    losses = np.concatenate([rng.gamma(2, 0.02, good), rng.gamma(4, 0.2, bad)])[:, None]
    losses = losses[rng.permutation(len(losses))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fit that has not converged
        expected = released(losses, threshold)
        assert np.flatnonzero(good_component(losses, threshold, False)[0]).tolist() == expected
        assert np.flatnonzero(good_component(losses, threshold, False)[0]).tolist() == expected  # again
    assert 0 < len(expected) < len(losses)


def test_the_seed_is_the_released_one() -> None:
    """Three clusters can be parted in two ways; which one is found depends on the seed."""
    counts, others = set(), set()
    for seed in range(6):
        rng = np.random.RandomState(seed)
        losses = np.concatenate([rng.normal(centre, 0.05, 40) for centre in (1, 2, 3)])[:, None]
        selected = np.flatnonzero(good_component(losses, 0.5, False)[0]).tolist()
        assert selected == released(losses, 0.5)
        counts.add(len(selected))
        others.add(int(good_component(losses, 0.5, False, seed=1)[0].sum()) - len(selected))
    assert len(counts) > 1 and others != {0}


def test_good_component_is_told_by_the_loss_alone() -> None:
    """The smallest of all means belongs to the length here, in the component with the larger loss."""
    rng = np.random.RandomState(1)
    loss = np.concatenate([rng.normal(2.0, 0.1, 40), rng.normal(5.0, 0.1, 40)])
    length = np.concatenate([rng.normal(9.0, 0.1, 40), rng.normal(1.0, 0.1, 40)])
    for standardize in (False, True):
        selected, _ = good_component(np.column_stack([loss, length]), 0.5, standardize)
        assert selected[:40].all() and not selected[40:].any()


def test_standardised_features_have_no_unit() -> None:
    rng = np.random.RandomState(2)
    features = np.column_stack(
        [np.concatenate([rng.gamma(2, 0.02, 60), rng.gamma(4, 0.2, 60)]), rng.randint(3, 60, 120)]
    )
    scaled = features * [1.0, 1000.0] + [0.0, 7.0]
    first, second = good_component(features, 0.5, True), good_component(scaled, 0.5, True)
    assert np.array_equal(first[0], second[0]) and 0 < first[0].sum() < 120
    assert first[1] == pytest.approx(second[1], abs=1e-6)
    constant = np.column_stack([features[:, 0], np.full(120, 5.0)])
    assert np.isfinite(good_component(constant, 0.5, True)[1]).all()


def test_standardised_features_count_alike() -> None:
    """Else the feature with the larger numbers decides where the fit begins: two lengths here, not two losses."""
    rng = np.random.RandomState(0)
    loss = np.concatenate([rng.normal(0.1, 0.02, 60), rng.normal(1.0, 0.02, 60)])
    features = np.column_stack([loss, np.tile([10.0, 40.0], 60) + rng.normal(0, 8, 120)])
    assert np.flatnonzero(good_component(features, 0.5, True)[0]).tolist() == list(range(60))
    assert good_component(features, 0.5, False)[0][:60].sum() < 40


def test_one_sample_cannot_be_clustered() -> None:
    for count in (0, 1):
        with pytest.raises(ValueError, match=f"needs 2 samples, got {count}"):
            good_component(np.ones((count, 1)), 0.5, False)


def test_scikit_learn_is_imported_by_clustering_alone() -> None:
    code = "import sys; import xl_plugins.functional.mixture; assert 'sklearn.mixture' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
