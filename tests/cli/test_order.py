"""What a run prints, in the order in which a person needs it."""

import io
from contextlib import redirect_stdout

import pytest

from imlogit.cli.app import run


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """What `train` prints of ten classes in a pipe, a line each, and its run."""
    place = tmp_path_factory.mktemp("order") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        out = io.StringIO()
        with redirect_stdout(out):
            words = ["train", "--all", "--folds", "2", "--c", "1e-4", "--out", str(place)]
            assert run(words) == 0
    return out.getvalue().splitlines(), place


def test_ten_classes_are_at_most_sixty_lines_and_the_verdict_is_on_the_last_screen(lines):
    printed, _ = lines
    assert len(printed) <= 60
    assert printed[0] == "Images"
    verdicts = [n for n, line in enumerate(printed) if line.startswith("Always answering")]
    assert len(verdicts) == 2
    assert verdicts[0] < 14
    assert verdicts[1] > len(printed) - 24
    assert "this model is right for" in " ".join(printed)
    assert [line for line in printed if line != line.rstrip()] == []
    assert any(line.startswith("  imlogit doubts ") for line in printed)


def test_a_mix_of_seen_and_unseen_images_is_not_called_training_images(lines, capsys):
    assert run(["evaluate", str(lines[1]), "mnist-5k", "-v"]) == 0
    said = capsys.readouterr().out
    assert "Each class against the rest\n" in said
    assert "training images" not in said


def test_a_weight_of_a_class_changes_the_fit_and_is_checked_before_it(tmp_path, capsys):
    def recall(*words):
        how = ["--folds", "2", "--c", "1e-4", "--out", str(tmp_path / "-".join(["run", *words]))]
        assert run(["train", *how, *words]) == 0
        text = capsys.readouterr().out
        return float(text.split("recall")[1].split()[0])

    plain = recall()
    assert recall("--class-weight", "balanced") > plain + 0.1
    assert recall("--class-weight", "2=9") > plain + 0.1
    assert run(["train", "--class-weight", "two=9"]) == 2
    found = capsys.readouterr()
    assert "--class-weight two=9" in found.err
    assert not found.out
