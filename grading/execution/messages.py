"""Read Jupyter's messages from a kernel that may send anything.

What a message holds is counted before it is parsed: a few megabytes of brackets would otherwise
become gigabytes of empty lists. Its signature is not checked, because the key is no secret to the
submission.
"""

import json
from typing import Any

import zmq

DELIMITER = b"<IDS|MSG>"
MOST_FRAMES = 100  # of one message; an honest one has less than ten
LARGEST_HEADER = 64 * 1024
# In memory a text takes up to four bytes for a character if one of them is unusual.
LARGEST_UNUSUAL = 8 * 2**20
MOST_ITEMS = 200_000  # lists, dictionaries and what stands in them


class FloodError(Exception):
    """A message of very many frames, which nobody sends by mistake."""


class UnreadableError(ValueError):
    """Not one of Jupyter's messages, or one that holds more than a message should."""


def receive(socket: zmq.Socket) -> list[bytes]:
    """Return the frames of the next message.

    Raises:
        FloodError: There are too many; the rest are still there.
    """
    frames = [socket.recv()]
    while socket.getsockopt(zmq.RCVMORE):
        if len(frames) == MOST_FRAMES:
            raise FloodError
        frames.append(socket.recv())
    return frames


class Message:
    """A message, of which only the two short headers have been parsed.

    Args:
        frames: As they were received.

    Raises:
        UnreadableError: They are not a message.
    """

    def __init__(self, frames: list[bytes]):
        try:
            begin = frames.index(DELIMITER) + 2  # the signature is passed over
            header, parent, _, self._content = frames[begin : begin + 4]
        except ValueError:
            raise UnreadableError("it is no message") from None
        self.kind = _dictionary(header, LARGEST_HEADER).get("msg_type")
        # The id of the request that it belongs to.
        self.request = _dictionary(parent, LARGEST_HEADER).get("msg_id")
        if not (isinstance(self.kind, str) and isinstance(self.request, str | None)):
            raise UnreadableError("its header is no header")

    def content(self) -> dict[str, Any]:
        """Return the content; this works only once.

        Raises:
            UnreadableError: It is not a dictionary, or holds too much.
        """
        frame, self._content = self._content, b""
        return _dictionary(frame, len(frame))


def _dictionary(frame, most_bytes):
    if len(frame) > most_bytes:
        raise UnreadableError("it is too large")
    if len(frame) > LARGEST_UNUSUAL and not frame.isascii():
        raise UnreadableError("it is a large text of unusual characters")
    content = loads(frame.decode())
    if not isinstance(content, dict):
        raise UnreadableError("it is no dictionary")
    return content


def loads(text: str) -> Any:
    """Return the value of a JSON text that does not hold too many things.

    Raises:
        UnreadableError: It is not a JSON text, or holds more.
    """
    if not isinstance(text, str):
        raise UnreadableError("it is no text")
    if _count_items(text) > MOST_ITEMS:
        raise UnreadableError("it holds too many things")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"{error}") from None


def _count_items(text):
    """Return roughly how many things a JSON text holds, counting until there are too many."""
    plain = text.replace("\\\\", "").replace('\\"', "")  # what is left of quotes begins or ends
    quotes = plain.count('"')
    if quotes > 2 * MOST_ITEMS + 2:
        return quotes
    outside = "".join(plain.split('"')[::2])
    return sum(map(outside.count, "[{,:")) + quotes // 2
