"""Problems with known answers, and the objective written out as the definition has it."""

import numpy as np

# scikit-learn's test_logistic_glmnet; solved by glmnet.
GLMNET_X = np.array(
    [[-4, 0], [-3, 0], [-2, 1], [-1, 0], [0, 1], [1, 1], [2, 1], [3, 0], [4, 0]], dtype=float
)
GLMNET_Y = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1])
GLMNET_C = 1 / 9
GLMNET_COEF = (0.44464569182, 0.01457563448)
GLMNET_INTERCEPT = 0.89230405539
# The same with three classes, one after the other.
MULTINOMIAL_COEF = (
    (-0.38023389305, -0.01226499932),
    (-8.164030176e-05, 0.04734548012),
    (0.3803155334, -0.0350804808),
)
MULTINOMIAL_INTERCEPT = (-0.12004759652, 0.2251747383, -0.1051271418)

# Complete separation, from UCLA's page on it; the penalised answer is for C = 1.
SEPARATED_X = np.array(
    [[1, 3], [2, 2], [3, -1], [3, -1], [5, 2], [6, 4], [10, 1], [11, 0]], dtype=float
)
SEPARATED_Y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
SEPARATED_COEF = (1.0069723504356856, 0.48002173470140613)
SEPARATED_INTERCEPT = -5.037296625105169


def overlapping(rng, n=300, d=5):
    """Two classes, drawn by the first feature."""
    x = rng.normal(size=(n, d))
    return x, rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))


def blobs(rng, n=300, d=5, n_classes=4):
    """Classes drawn by a linear model, each with a row at least."""
    x = rng.normal(size=(n, d))
    logits = x @ rng.normal(size=(d, n_classes)) / np.sqrt(d)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (rng.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1).clip(max=n_classes - 1)
    y[:n_classes] = np.arange(n_classes)
    return x, y


def objective(x, y, weights, b, C, sample_weight=None):
    """F(w, b), with y in {0, 1} and C finite."""
    s = np.ones(len(y)) if sample_weight is None else sample_weight
    signed = np.where(np.asarray(y, dtype=bool), 1, -1) * (x @ weights + b)
    return C * np.sum(s * np.logaddexp(0, -signed)) + 0.5 * weights @ weights


def gradient(x, y, weights, b, C, sample_weight=None):
    """The gradient of F in the weights and in b, by the definition."""
    s = np.ones(len(y)) if sample_weight is None else sample_weight
    p = 1 / (1 + np.exp(-(x @ weights + b)))
    residual = C * s * (p - y)
    return x.T @ residual + weights, residual.sum()


def softmax_objective(x, y, weights, b, C):
    """F(W, b) of the softmax, and its gradients in the weights and in b, by the definition."""
    margins = x @ weights.T + b
    own = np.arange(len(b)) == y[:, None]
    top = margins.max(axis=1, keepdims=True)
    logs = margins - top - np.log(np.exp(margins - top).sum(axis=1, keepdims=True))
    residual = C * (np.exp(logs) - own)
    others = np.where(own, -np.inf, margins) - margins[own][:, None]
    losses = np.logaddexp(0, np.logaddexp.reduce(others, axis=1))
    value = C * losses.sum() + 0.5 * np.vdot(weights, weights)
    return value, residual.T @ x + weights, residual.sum(axis=0)


def five_point(function, x, step):
    """The derivative of a function of one number, to fourth order."""
    ahead = 8 * (function(x + step) - function(x - step))
    return (ahead - function(x + 2 * step) + function(x - 2 * step)) / (12 * step)
