"""Microsoft's onnxruntime, which is to send nothing to its makers."""

from __future__ import annotations

import os
from typing import Any

from imlogit.system.extras import need


def onnx_runtime(what: str) -> Any:
    """Import onnxruntime.

    Parameters
    ----------
    what : str
        What needs it, the start of the message.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    # Else importing it writes a file into the folder for temporary ones, and sends figures of its
    # use to its makers; asked for, they are as they were.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return need("onnxruntime", "onnx", what)
