"""Plain values as JSON, and back: what a notebook hands over, arguments and results of calls.

The same file is used on both sides: in the student's kernel, and in the clean process that judges.
Only None, bool, int, float, str, lists, dictionaries with text keys, and arrays of bools, numbers
or text pass, and `...` for an answer not given. Nothing is ever unpickled, and only the plain
content of an object passes: a number that pretends to equal everything arrives as the number that
it is.
"""

import base64
import json
import math
from typing import Any

import numpy as np

MIME = "application/x-plain-value"  # of an answer in a kernel's reply
MOST_DEPTH = 40
KINDS = "biufU"  # of arrays: bool, integers, floats, text
UNREADABLE = "what the notebook handed over cannot be read"


class NotPlain(Exception):
    """A value that cannot be handed over; the message says why, for the student."""


def dumps(value: Any, most_bytes: int) -> str:
    """Return the value as JSON text.

    Raises:
        NotPlain: It is of another type, nested too deeply, or too large.
    """
    text = json.dumps(_encode(value, 0, _Budget(most_bytes)))
    if len(text) > most_bytes:
        raise _too_large(most_bytes)
    return text


def loads(text: str) -> Any:
    """Return the value of a JSON text that came from a student's kernel.

    Raises:
        NotPlain: It is not what `dumps` writes.
    """
    try:
        return _decode(json.loads(text), 0)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError, MemoryError) as error:
        raise NotPlain(f"{UNREADABLE} ({error})") from None


class _Budget:
    """Counts what is encoded, so that a huge value is refused before it fills the memory."""

    def __init__(self, most_bytes):
        self.most = self.left = most_bytes

    def take(self, count):
        self.left -= count
        if self.left < 0:
            raise _too_large(self.most)


def _too_large(most_bytes):
    return NotPlain(f"it is too large to be handed over (more than {most_bytes / 1e6:g} MB)")


def _encode(value, depth, budget):
    if depth > MOST_DEPTH:
        raise NotPlain("it is nested too deeply")
    budget.take(2)
    # Of a subclass, only what the plain type itself holds is taken: `int.__pos__(value)` and the
    # like are not answered by a method of a student's class.
    if isinstance(value, np.generic):
        value = np.ndarray.item(np.asarray(value))  # longdouble and the like stay what they are
    if value is None or value is True or value is False:
        return value
    if value is ...:
        return {"...": 1}
    kind = type(value)
    if issubclass(kind, int):
        return _encode_integer(int.__pos__(value), budget)
    if issubclass(kind, float):
        return float.__pos__(value)
    if issubclass(kind, str):
        text = str.__str__(value)
        budget.take(len(text))
        return text
    if issubclass(kind, (list, tuple)):
        base = list if issubclass(kind, list) else tuple
        return [_encode(item, depth + 1, budget) for item in base.__iter__(value)]
    if issubclass(kind, dict):
        return {"dict": [_encode_pair(pair, depth, budget) for pair in dict.items(value)]}
    if hasattr(kind, "__array__"):  # arrays; also tensors, and the columns of a table
        return _encode_array(value, budget)
    raise NotPlain(f"it is of type {kind.__name__}, and only plain values can be handed over")


def _encode_integer(number, budget):
    budget.take(number.bit_length() // 3)
    if number.bit_length() > 10_000:
        raise NotPlain("it is a whole number with thousands of digits")
    return number


def _encode_pair(pair, depth, budget):
    key, value = pair
    if not isinstance(key, str):
        raise NotPlain(f"its key {key!r:.40} is not a text, but of type {type(key).__name__}")
    return [_encode(key, depth, budget), _encode(value, depth + 1, budget)]


def _encode_array(value, budget):
    name = type(value).__name__
    try:
        array = np.asarray(value)
    except Exception as error:  # the student's class may raise anything
        raise NotPlain(f"it is of type {name} and does not become an array ({error})") from None
    if array.dtype.kind == "O" and array.size and all(type(item) is str for item in array.flat):
        array = array.astype(str)
    if array.dtype.name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        array = array.astype(np.float32)
    if array.dtype.kind not in KINDS:
        raise NotPlain(f"it is an array of {array.dtype}, not of numbers or text")
    budget.take(array.nbytes * 4 // 3 + 40)
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    code = base64.b64encode(array.tobytes()).decode()
    return {"array": [array.dtype.str, list(array.shape), code]}


def _decode(value, depth):
    if depth > MOST_DEPTH:
        raise NotPlain("it is nested too deeply")
    if isinstance(value, list):
        return [_decode(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "...":
        return ...
    if kind == "dict" and all(isinstance(key, str) for key, _ in content):
        return {key: _decode(item, depth + 1) for key, item in content}
    if kind == "array":
        return _decode_array(*content)
    raise NotPlain(UNREADABLE)


def _decode_array(code, shape, text):
    dtype = np.dtype(code)  # of a text; a structured or object dtype has another kind
    is_plain = isinstance(code, str) and dtype.kind in KINDS and not dtype.hasobject
    is_shape = len(shape) <= 32 and all(type(side) is int and side >= 0 for side in shape)
    # Any number of texts of length zero would fit into no data.
    if not (is_plain and is_shape and dtype.itemsize):
        raise NotPlain(UNREADABLE)
    data = base64.b64decode(text, validate=True)
    if math.prod(shape) * dtype.itemsize != len(data):
        raise NotPlain(UNREADABLE)
    if not data:
        return np.zeros(shape, dtype)
    return np.frombuffer(data, dtype).reshape(shape).copy()
