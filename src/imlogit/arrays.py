"""What arrays are called in signatures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
"""Row numbers."""
Pixels = NDArray[np.uint8]
Labels = NDArray[np.intp]
"""For each image the position of its class."""
Indicators = NDArray[np.uint8]
"""0 and 1: which labels each row has, where it may have any number."""
