"""Every lie that a hidden state's header can tell is refused, and why is said."""

import json
import struct
from typing import Any

import numpy as np
import pytest
from golden import N_EMBD

from wire import WireError, decode_hidden

HIDDEN = {"dtype": "F32", "shape": [2, 32], "data_offsets": [0, 256]}
LENGTHS = {"dtype": "I32", "shape": [1], "data_offsets": [256, 260]}
STRINGS = {"model": "golden", "revision": "r", "start": "0"}
DATA = bytes(256) + struct.pack("<i", 2)


def body_of(header: object, data: bytes = DATA) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def body_with(data: bytes = DATA, **changes: Any) -> bytes:
    header = {"__metadata__": STRINGS, "hidden": HIDDEN, "lengths": LENGTHS, **changes}
    return body_of({k: v for k, v in header.items() if v is not None}, data)


def test_the_lies_below_start_from_a_body_that_is_read() -> None:
    decoded, _ = decode_hidden(body_with(), N_EMBD, max_tokens=64)
    assert decoded.lengths == (2,)


LIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "at least 8 bytes, came 0"),
    "half a prefix": (b"\1\0\0", "at least 8 bytes, came 3"),
    "a header longer than the body": (
        struct.pack("<Q", 300) + b"{}",
        "expected safetensors: header length: expected at most 2, came 300",
    ),
    "a huge header": (
        struct.pack("<Q", 2**64 - 1) + b"{}" * 100_000,
        "header length: expected at most 65536",
    ),
    "a header over the limit": (
        body_of(b"{" + b" " * 70_000 + b"}"),
        "header length: expected at most 65536",
    ),
    "no JSON": (body_of(b"{nope}"), "header: expected JSON"),
    "no UTF-8": (body_of(b'{"\xff": 1}'), "header: expected JSON"),
    "not an object": (body_of([1]), "header: expected a JSON object, came list"),
    "NaN in JSON": (body_of(b'{"hidden": NaN}'), "header: expected JSON, came NaN"),
    "deep nesting": (body_of(b"[" * 60_000), "header: expected JSON"),
    "a number of many digits": (
        body_of(b'{"hidden": ' + b"9" * 10_000 + b"}"),
        "header: expected JSON",
    ),
    "a name twice": (
        body_of(b'{"hidden": {}, "hidden": {}}'),
        "header: expected JSON, came a name twice",
    ),
    "an entry that is no object": (body_with(hidden=7), "'hidden': expected dtype"),
    "an entry without offsets": (
        body_with(hidden={"dtype": "F32", "shape": [2, 32]}),
        "'hidden': expected dtype, shape and data_offsets",
    ),
    "an unknown dtype": (
        body_with(hidden={**HIDDEN, "dtype": "F31"}),
        "'hidden': dtype: expected one of",
    ),
    "a dtype that is a list": (
        body_with(hidden={**HIDDEN, "dtype": ["F32"]}),
        "'hidden': dtype: expected one of",
    ),
    "a negative dimension": (
        body_with(hidden={**HIDDEN, "shape": [-2, -32]}),
        "'hidden': shape: expected up to 8 integers >= 0",
    ),
    "a dimension that is true": (
        body_with(lengths={**LENGTHS, "shape": [True]}),
        "'lengths': shape: expected up to 8 integers >= 0, came .True",
    ),
    "a fraction of a dimension": (
        body_with(hidden={**HIDDEN, "shape": [2.0, 32]}),
        "'hidden': shape: expected up to 8 integers >= 0",
    ),
    "a product that overflows 64 bits to the right size": (
        body_with(hidden={**HIDDEN, "shape": [2**58 + 2, 32]}),
        "'hidden': data_offsets: expected 3689348814741910",
    ),
    "many huge dimensions": (
        body_with(hidden={**HIDDEN, "shape": [2**62] * 2000}),
        "'hidden': shape: expected up to 8 integers",
    ),
    "a gap": (
        body_with(lengths={**LENGTHS, "data_offsets": [260, 264]}, data=DATA + DATA),
        "'lengths': data_offsets: expected a start at 256, came 260",
    ),
    "an overlap": (
        body_with(lengths={**LENGTHS, "data_offsets": [252, 256]}),
        "'lengths': data_offsets: expected a start at 256, came 252",
    ),
    "offsets out of range": (
        body_with(lengths={**LENGTHS, "data_offsets": [2**60, 2**60 + 4]}),
        "'lengths': data_offsets: expected a start at 256",
    ),
    "offsets backwards": (
        body_with(hidden={**HIDDEN, "data_offsets": [256, 0]}),
        "'hidden': data_offsets: expected 256 bytes, came -256",
    ),
    "one offset": (
        body_with(hidden={**HIDDEN, "data_offsets": [0]}),
        "'hidden': data_offsets: expected two integers",
    ),
    "data cut short": (body_with(data=DATA[:-1]), "data: expected 260 bytes, came 259"),
    "more data than tensors": (
        body_with(data=DATA + b"\0"),
        "data: expected 260 bytes, came 261",
    ),
    "no hidden": (
        body_with(
            hidden=None, lengths={**LENGTHS, "data_offsets": [0, 4]}, data=b"abcd"
        ),
        "tensors: expected one called hidden",
    ),
    "no lengths": (body_with(lengths=None, data=bytes(256)), "hidden, lengths"),
    "a tensor too many": (
        body_with(
            x={"dtype": "U8", "shape": [1], "data_offsets": [260, 261]},
            data=DATA + b"\0",
        ),
        "tensors: expected hidden, lengths, came hidden, lengths, x",
    ),
    "a hidden of integers": (
        body_with(hidden={**HIDDEN, "dtype": "I32"}),
        "hidden: dtype: expected F32, F16 or I8, came I32",
    ),
    "a hidden of another width": (
        body_with(hidden={**HIDDEN, "shape": [1, 64]}),
        "hidden: shape: expected .total_tokens, 32., came .1, 64.",
    ),
    "a flat hidden": (
        body_with(hidden={**HIDDEN, "shape": [64]}),
        "hidden: shape: expected .total_tokens, 32.",
    ),
    "an I8 hidden without scales": (
        body_with(hidden={**HIDDEN, "dtype": "I8", "shape": [8, 32]}),
        "tensors: expected hidden, hidden_scale, lengths",
    ),
    "lengths of 64 bits": (
        body_with(
            lengths={"dtype": "I64", "shape": [1], "data_offsets": [256, 264]},
            data=bytes(256) + struct.pack("<q", 2),
        ),
        "lengths: expected I32 .batch,., came I64",
    ),
    "lengths in a square": (
        body_with(lengths={**LENGTHS, "shape": [1, 1]}),
        "lengths: expected I32 .batch,., came I32 .1, 1.",
    ),
    "no sequence": (
        body_with(
            lengths={"dtype": "I32", "shape": [0], "data_offsets": [256, 256]},
            data=bytes(256),
        ),
        "lengths: expected at least one sequence, came none",
    ),
    "a length of zero": (
        body_with(
            lengths={"dtype": "I32", "shape": [2], "data_offsets": [256, 264]},
            data=bytes(256) + struct.pack("<2i", 2, 0),
        ),
        r"lengths\[1\]: expected 1 to 64, came 0",
    ),
    "a negative length": (
        body_with(
            lengths={"dtype": "I32", "shape": [2], "data_offsets": [256, 264]},
            data=bytes(256) + struct.pack("<2i", 3, -1),
        ),
        r"lengths\[1\]: expected 1 to 64, came -1",
    ),
    "a sequence over the model's length": (
        body_with(data=bytes(256) + struct.pack("<i", 65)),
        r"lengths\[0\]: expected 1 to 64, came 65",
    ),
    "lengths that do not sum": (
        body_with(data=bytes(256) + struct.pack("<i", 1)),
        "lengths: expected a sum of 2, came 1",
    ),
    "too many sequences": (
        body_with(
            lengths={"dtype": "I32", "shape": [17], "data_offsets": [256, 324]},
            data=bytes(256) + struct.pack("<17i", *[1] * 17),
        ),
        "lengths: expected at most 16 sequences, came 17",
    ),
    "NaN": (
        body_with(data=struct.pack("<f", np.nan) + DATA[4:]),
        "hidden: expected finite numbers, came NaN or infinity in row 0",
    ),
    "infinity": (
        body_with(data=DATA[:252] + struct.pack("<f", np.inf) + DATA[256:]),
        "hidden: expected finite numbers, came NaN or infinity in row 1",
    ),
    "no metadata": (body_with(__metadata__=None), "metadata model: expected a string"),
    "metadata of numbers": (
        body_with(__metadata__={**STRINGS, "start": 0}),
        "__metadata__: expected an object of strings",
    ),
    "no revision": (
        body_with(__metadata__={"model": "x", "start": "0"}),
        "metadata revision: expected a string, came nothing",
    ),
    **{
        f"a start of {start!r}": (
            body_with(__metadata__={**STRINGS, "start": start}),
            "metadata start: expected a layer's number",
        )
        for start in ("", "-1", "+1", "1.0", " 1", "१", "9" * 10, "x" * 5000)
    },
}


@pytest.mark.parametrize(("body", "message"), LIES.values(), ids=LIES.keys())
def test_a_lie_is_refused_and_says_what_was_expected(body: bytes, message: str) -> None:
    with pytest.raises(WireError, match=message) as caught:
        decode_hidden(body, N_EMBD, max_tokens=64, max_sequences=16)
    assert len(str(caught.value)) < 400
