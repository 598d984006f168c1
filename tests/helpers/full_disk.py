"""A disk without space, as a system stands in for one: no file may grow beyond some bytes."""

import sys
from contextlib import contextmanager

import pytest


@contextmanager
def no_file_beyond(n_bytes):
    """Let no file of this process grow beyond so many bytes until the block ends.

    Python would keep half of a module that it compiles meanwhile, and fail to import it ever after.
    """
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
