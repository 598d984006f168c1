"""How often the disk is asked about what."""

import os
from collections import Counter
from pathlib import Path

ASKING = ("stat", "lstat", "scandir", "listdir", "open")


def count_looks(monkeypatch, root):
    """Count the questions about what lies in a folder, by what is asked and by the path."""
    looks = Counter()

    def counting(name, real):
        def asked(path, *arguments, **how):
            if isinstance(path, int):
                place = str(Path(f"/proc/self/fd/{path}").readlink())
            else:
                place = str(Path(os.fsdecode(path)).absolute())
            if place == str(root) or place.startswith(f"{root}{os.sep}"):
                looks[name, place] += 1
            return real(path, *arguments, **how)

        return asked

    real_ones = {name: getattr(os, name) for name in ASKING}
    for name, real in real_ones.items():
        wrapped = counting(name, real)
        # the descriptors that the system takes are known by the functions themselves
        if real in os.supports_fd:
            monkeypatch.setattr(os, "supports_fd", os.supports_fd | {wrapped})
        monkeypatch.setattr(os, name, wrapped)
    return looks
