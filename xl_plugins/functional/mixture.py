"""Choice of pseudo-labelled sentences by clustering their losses, by scikit-learn."""

from __future__ import annotations

import numpy as np

COMPONENTS = 2  # well and badly labelled (XLA, Table 8)
TOLERANCE = REGULARISER = 1e-5  # XLA's code
EQUAL = 1e-8  # range of losses below which nothing can be told apart


def good_component(
    features: np.ndarray, threshold: float, standardize: bool, seed: int = 1234
) -> tuple[np.ndarray, np.ndarray]:
    """Samples of the Gaussian component with the smaller mean loss (XLA, ACL 2021, section 3.3 and Appendix B).

    Args:
        features: (N, F) float64, N >= 2; column 0 is the loss.
        threshold: a sample is selected when its posterior is strictly greater.
        standardize: bring every feature to mean 0 and standard deviation 1 first, so that the regulariser of the
            covariances means the same for all.
        seed: of the initial clusters.

    Returns:
        Which are selected (N,) bool, and the posteriors of the good component (N,) float64. They need not fall with
        the loss: a narrow component can reject losses far below its mean. Losses that are all equal are all selected,
        with posterior 1.
    """
    features = np.asarray(features, dtype=np.float64)
    if len(features) < COMPONENTS:
        raise ValueError(f"a mixture of {COMPONENTS} components needs {COMPONENTS} samples, got {len(features)}")
    if np.ptp(features[:, 0]) < EQUAL:
        return np.ones(len(features), dtype=bool), np.ones(len(features))
    from sklearn.mixture import GaussianMixture  # takes a second to import, and only clustering needs it

    if standardize:
        spread = features.std(axis=0)
        features = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    mixture = GaussianMixture(
        COMPONENTS, covariance_type="full", tol=TOLERANCE, reg_covar=REGULARISER, random_state=seed
    )
    good = int(mixture.fit(features).means_[:, 0].argmin())
    posterior = mixture.predict_proba(features)[:, good]
    return posterior > threshold, posterior
