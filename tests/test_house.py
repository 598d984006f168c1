"""The house style, where a linter does not hold it: sizes, homes of names, words, and mirrors."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "imlogit"
TESTS = ROOT / "tests"

MOST_LINES = 400
MOST_CODE_LINES = 50
MOST_AT_THE_ROOT = 18
MOST_IN_A_FOLDER = 20
MOST_SHARED_NAMES = 8
EXCUSE = re.compile(r"# noqa: (\w+, )*PLR0915 - \w")
FLAG = re.compile(r"(?<![-\w])--[a-z]")
# Test files without a module of their name, and why.
WITHOUT_A_MODULE = {
    "core/test_many_classes.py": "what several modules of the solver do for many classes",
    "engines/test_engines.py": "one suite for every engine",
    "estimators/test_sklearn_conventions.py": "scikit-learn's own checks of every estimator",
    "estimators/test_sklearn_suite.py": "scikit-learn's own tests of logistic regression",
    "export/test_export.py": "one suite for every format",
    "runs/test_features.py": "what every job says of a run on features",
}


@pytest.fixture(scope="module")
def modules():
    """The text of every module, by its path below the package."""
    return {
        path.relative_to(SOURCE).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(SOURCE.rglob("*.py"))
    }


def functions_of(text):
    """Every function of a module: its name, the line of its ``def``, and its lines of code."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node) is not None
            inside = [*range(node.lineno - 1, node.body[0].lineno - 1)]
            inside += range(
                node.body[0].end_lineno if documented else inside.pop() + 1, node.end_lineno
            )
            code = [n for n in inside if lines[n].strip() and not lines[n].lstrip().startswith("#")]
            yield node.name, lines[node.lineno - 1], len(code)


def test_modules_are_read_at_one_sitting(modules):
    sizes = {name: len(text.splitlines()) for name, text in modules.items()}
    assert {name: n for name, n in sizes.items() if n > MOST_LINES} == {}


def test_long_functions_say_why(modules):
    long = {
        f"{name}: {function}": n
        for name, text in modules.items()
        for function, first_line, n in functions_of(text)
        if n > MOST_CODE_LINES and not EXCUSE.search(first_line)
    }
    assert long == {}


def test_folders_are_taken_in_at_one_glance():
    def size(folder):
        return sum(not one.name.startswith((".", "__pycache__")) for one in folder.iterdir())

    assert size(SOURCE) <= MOST_AT_THE_ROOT
    folders = {module.parent for module in SOURCE.rglob("*.py")}
    sizes = {folder.name: size(folder) for folder in folders}
    assert {name: n for name, n in sizes.items() if n > MOST_IN_A_FOLDER} == {}


def test_a_name_has_one_home(modules):
    """But for a few, such as the ``read`` that every reader has."""
    homes = Counter(
        node.name
        for text in modules.values()
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    )
    shared = {name: n for name, n in homes.items() if n > 1}
    assert len(shared) <= MOST_SHARED_NAMES, shared


def test_the_library_does_not_speak_the_command_line(modules):
    """In a notebook and in a service there are no flags: a message spells a parameter."""
    flags = [
        f"{name}:{number}: {line.strip()}"
        for name, text in modules.items()
        if not name.startswith("cli/") and name != "__main__.py"
        for number, line in enumerate(text.splitlines(), start=1)
        if FLAG.search(line)
    ]
    assert flags == []


def test_tests_lie_where_their_modules_do(modules):
    files = [path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")]
    alone = {name for name in files if "/" in name and name.replace("test_", "") not in modules}
    assert alone == set(WITHOUT_A_MODULE)
