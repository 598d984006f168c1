"""What the tests of reports share: a run over awkward names, in grey and in colour."""

import pytest

from imlogit.cli.output import result_console
from imlogit.report.pictures.page import Page
from imlogit.report.run_folder import write_run
from imlogit.runs.options import TrainOptions
from imlogit.runs.record import open_record
from imlogit.runs.train import train

from helpers.awkward_names import striped_images


@pytest.fixture(scope="session", params=[(12, 6), (12, 6, 3)], ids=["grey", "colour"])
def training(request):
    options = TrainOptions(every_class=True, folds=2, C=0.1, engine="reference")
    return train(striped_images(request.param, name="$set$ [b]"), options)


@pytest.fixture(scope="session")
def record(training, tmp_path_factory):
    return open_record(write_run(training, tmp_path_factory.mktemp("named") / "[b]$run$"))


@pytest.fixture
def console(monkeypatch, capsys):
    """The console for results, wide enough to break no name, and what is printed on it."""
    monkeypatch.setenv("COLUMNS", "900")

    class Printed:
        console = result_console()

        def text(self):
            return capsys.readouterr().out

    return Printed()


@pytest.fixture
def pages(monkeypatch):
    """The pages that are drawn, for what is on them."""
    drawn = []

    def keep(page, as_png=Page.as_png):
        drawn.append(page)
        return as_png(page)

    monkeypatch.setattr(Page, "as_png", keep)
    return drawn
