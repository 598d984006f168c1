"""scikit-learn's own tests of logistic regression pass with our classes, but for what docs say."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sklearn
from sklearn.utils.fixes import parse_version

from helpers.sklearn_twins import OUTCOMES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "differences.md"
SUITE = "sklearn.linear_model.tests.test_logistic"
VERSION = parse_version(sklearn.__version__)


def before(version, *tests):
    """Tests that only fail as they were before a version of scikit-learn."""
    return tests if parse_version(version) > VERSION else ()


# What fails, by the heading in docs/differences.md that says why: names of tests, or regular
# expressions of names with parameters.
DIFFERENCES = {
    "Sparse matrices": (
        "test_predict_2_classes",
        "test_predict_3_classes",
        "test_logistic_cv_sparse",
        r"test_logistic_regression_class_weights\[.*csr.*\]",
        "test_large_sparse_matrix",
        "test_liblinear_logregcv_sparse",
        "test_saga_sparse",
    ),
    "Penalties": (
        "test_elasticnet_l1_ratio_err_helpful",
        "test_sample_and_class_weight_equivalence_liblinear",
        "test_logreg_l1",
        "test_logreg_l1_sparse_data",
        r"test_logistic_regression_cv_refit\[(l1-42|42-1)\]",
        "test_saga_vs_liblinear",
        "test_elastic_net_coeffs",
        "test_elastic_net_l1_l2_equivalence",
        "test_elastic_net_vs_l1_l2",
        "test_LogisticRegression_elastic_net_objective",
        "test_LogisticRegressionCV_GridSearchCV_elastic_net",
        "test_LogisticRegressionCV_GridSearchCV_elastic_net_ovr",
        "test_LogisticRegressionCV_elasticnet_attribute_shapes",
        "test_l1_ratio_non_elasticnet",
        "test_elastic_net_versus_sgd",
        "test_penalty_none",
        r"test_logisticregression_liblinear_sample_weight\[.*params0\]",
        "test_scores_attribute_layout_elasticnet",
        "test_liblinear_not_stuck",
        "test_penalty_deprecated",
        "test_l1_ratio_None_deprecated",
        "test_lr_penalty_l1ratio_incompatible",
    ),
    "Solvers": (
        "test_check_solver_option",
        "test_lr_liblinear_warning",
        "test_liblinear_dual_random_state",
        "test_liblinear_with_large_values",
        "test_liblinear_multiclass_raises",
        "test_newton_cholesky_fallback_to_lbfgs",
        "test_logisticregression_warns_with_n_jobs",
        "test_max_iter",
        r"test_warm_start\[.*(True|False)-True-.*\]",
        "test_warm_start_newton_solver",
        "test_zero_max_iter",
    ),
    "Numbers of float64": ("test_dtype_match",),
    "Classes without rows": (
        "test_multinomial_logistic_regression_string_inputs",
        "test_logistic_cv_folds_with_classes_missing",
    ),
    "Attributes of LogisticRegressionCV": (
        "test_logistic_cv",
        "test_multinomial_cv_iris",
        "test_n_iter",
        "test_ovr_multinomial_iris",
        "test_logistic_cv_refit_false_non_elasticnet",
        "test_LogisticRegressionCV_no_refit",
        *before("1.8", "test_logistic_cv_mock_scorer"),
        "test_logisticregressioncv_warns_with_use_legacy_attributes",
    ),
    "Folds": ("test_LogisticRegressionCV_on_folds",),
    "The default scoring": ("test_lr_scoring_warns",),
    "Two classes, and multi_class": (
        r"test_predict_iris\[clf[125]\]",
        "test_multinomial_binary_probabilities",
        "test_logistic_regression_multi_class_auto",
        r"test_sample_weight_not_modified\[.*-auto\]",
        "test_multi_class_deprecated",
    ),
    "Metadata routing": before("1.9", "test_lr_cv_scores_differ_when_sample_weight_is_requested"),
    "Methods": (
        "test_sparsify",
        "test_logistic_cv_multinomial_score",
        "test_logreg_predict_proba_multinomial",
        "test_get_default_scorer",
        "test_logistic_regression_callback_support",
        "test_logistic_regression_callback_fitted_estimator",
        "test_logistic_regression_callback_support_warning",
    ),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """How each of scikit-learn's tests ended, by its name."""
    place = tmp_path_factory.mktemp("suite")
    paths = [str(ROOT / "src"), str(ROOT / "tests")]
    # Options for this suite, such as --cov, would write where its own figures are written.
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "helpers.sklearn_twins"),
            *("-p", "no:cacheprovider", "-c", os.devnull, "-W", "ignore"),
            *("--tb=no", "--pyargs", SUITE),
        ],
        cwd=place,
        env={
            **environment,
            "PYTHONPATH": os.pathsep.join(paths),
            OUTCOMES: str(place / "found"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return json.loads((place / "found").read_text(encoding="utf-8"))


def listed(test):
    """The headings under which a test is listed."""
    return [
        heading
        for heading, patterns in DIFFERENCES.items()
        for pattern in patterns
        if re.fullmatch(pattern if "[" in pattern else rf"{pattern}(\[.*\])?", test)
    ]


def test_most_tests_run(outcomes):
    assert sum(outcome == "passed" for outcome in outcomes.values()) > 60


def test_what_fails_is_a_difference_that_is_documented(outcomes):
    failed = [name for name, outcome in outcomes.items() if outcome == "failed"]
    assert [name for name in failed if not listed(name)] == []


@pytest.mark.skipif(VERSION < parse_version("1.8"), reason="some passed for another reason")
def test_what_is_documented_fails(outcomes):
    passed = [name for name, outcome in outcomes.items() if outcome == "passed"]
    assert [name for name in passed if listed(name)] == []


def test_every_reason_is_in_the_docs():
    headings = re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == list(DIFFERENCES)
