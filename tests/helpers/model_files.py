"""Model files taken apart, and put together again with a right checksum over anything."""

import hashlib
import json

import pytest

from imlogit.errors import ModelFileError
from imlogit.model.file import decode


def parts(data):
    """Take a file apart: its header, the facts in it, and the weights."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    facts = json.loads(header["__metadata__"]["imlogit"])
    return header, facts, data[8 + length :]


def signed(header, facts, weights):
    """Put a file together whose checksum is right, whatever it says."""

    return signed_text(header, _text(facts), weights)


def _text(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def signed_text(header, facts, weights):
    """Put a file together whose checksum is right, of facts as any text."""

    def whole(digest):
        header["__metadata__"] = {"imlogit": facts, "sha256": digest}
        body = _text(header).encode()
        body = body.ljust(-(-len(body) // 8) * 8)
        return len(body).to_bytes(8, "little") + body + weights

    return whole(hashlib.sha256(whole("0" * 64)).hexdigest())


def refuse(data, match):
    with pytest.raises(ModelFileError, match=match) as caught:
        decode(data, where="some.imlogit")
    message = str(caught.value)
    assert message.startswith("some.imlogit: ")
    return message
