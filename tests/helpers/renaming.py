"""Interrupts at the calls that change the names in a folder."""

import os

RENAMING = ("rename", "replace", "link")


def interrupt_at(nth, after, monkeypatch):
    """Make one of the calls that rename raise, before or after it renames."""
    count = []

    def standing_in_for(whole):
        def rename(*places, **how):
            count.append(places)
            if len(count) == nth and not after:
                raise KeyboardInterrupt
            whole(*places, **how)
            if len(count) == nth:
                raise KeyboardInterrupt

        return rename

    for name in RENAMING:
        monkeypatch.setattr(os, name, standing_in_for(getattr(os, name)))
