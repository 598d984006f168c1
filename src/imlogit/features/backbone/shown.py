"""What a network is, as `imlogit features show` tells it."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from imlogit.errors import DataError
from imlogit.features.backbone.network import Network, read_network
from imlogit.features.backbone.outputs import (
    GraphTensor,
    choose_output,
    input_of,
    inputs_of,
    outputs_of,
)
from imlogit.features.backbone.preparation import Preparation, Wish, preparation_of


class NetworkFacts(NamedTuple):
    """What a network takes and gives.

    Attributes
    ----------
    network : Network
    inputs, outputs : list of GraphTensor
        Also what within it is one vector an image.
    taken : str or None
        The output that would be taken; None where none can be.
    preparation : Preparation or None
        How images would be prepared; None where they cannot be.
    problems : list of str
        Why it cannot be taken as it is.
    """

    network: Network
    inputs: list[GraphTensor]
    outputs: list[GraphTensor]
    taken: str | None
    preparation: Preparation | None
    problems: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        how = self.preparation
        return {
            "file": self.network.name,
            "sha256": self.network.sha256,
            "weight_files": list(self.network.data_files),
            "inputs": [_plain(one) for one in self.inputs],
            "outputs": [_plain(one) | {"taken": one.name == self.taken} for one in self.outputs],
            "preparation": how
            and {
                "layout": how.layout,
                "channels": how.channels,
                "size": how.size and list(how.size),
                "mean": list(how.mean),
                "std": list(how.std),
                "order": how.order,
                "dtype": how.dtype.name,
                "said_by": dict(how.said),
            },
            "problems": self.problems,
        }


def _plain(one: GraphTensor) -> dict[str, Any]:
    return {
        "name": one.name,
        "type": one.kind_name,
        "shape": None if one.shape is None else list(one.shape),
        "pooled": one.pooled,
    }


def facts_of_network(path: str | os.PathLike[str]) -> NetworkFacts:
    """Return what a network takes and gives, without running it.

    Raises
    ------
    DataError
        For what is no network, or one that is refused whatever is said of it.
    """
    network = read_network(path)
    problems: list[str] = []
    taken, how = None, None
    try:
        taken = choose_output(network, "").name
    except DataError as error:
        problems.append(str(error))
    try:
        how = preparation_of(network, input_of(network), Wish())
    except DataError as error:
        problems.append(str(error))
    return NetworkFacts(network, inputs_of(network), outputs_of(network), taken, how, problems)
