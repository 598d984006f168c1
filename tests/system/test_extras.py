"""What optional libraries say on standard error."""

import io
import os
import sys

from imlogit.system.extras import quiet


class Full(io.StringIO):
    """A standard error whose disk is full."""

    def flush(self):
        raise OSError(28, "No space left on device")


def test_standard_error_comes_back_from_a_full_disk(capfd, monkeypatch):
    with monkeypatch.context() as patch, quiet():
        os.write(2, b"I0000 00:00:1.0 1 port.cc:1] chatter\nan error cut sho")
        patch.setattr(sys, "stderr", Full())
    os.write(2, b"imlogit: said\n")
    assert capfd.readouterr().err == "an error cut sho\nimlogit: said\n"
