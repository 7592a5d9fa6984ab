"""Compare ways to download many photos from a host that takes 50 ms to answer.

    python -m benchmarks.photo_download
    python -m benchmarks.photo_download --photos 300 --latency 0.02

A server on this machine, in processes of its own, waits before each answer as a distant host
does (and once more for each new connection). In one run it serves the same photos to

- `requests.get` in a loop: one after the other, each over a new connection,
- `requests.Session` in a loop: one after the other, over one connection,
- `utils.openimages`: 32 connections; every photo is decoded and written to the disk as well,
- 32 threads that only receive and throw away: what the connections and this machine could do.

The peers only receive. Their time is measured on a part of the photos, since it grows with the
number of photos.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import platform
import socket
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import requests
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

CONNECTIONS = 32
PEER_PHOTOS = 100


# ------------------------------------------------------------------- the host


def make_photo(number, side):
    """A JPEG with some detail, different for each number."""
    random = np.random.default_rng(number)
    coarse = random.integers(0, 256, (side // 12, side // 9, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((side, side * 3 // 4), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return file.getvalue()


def serve(listener, photos, latency):
    """Answer GET requests for `/…/NUMBER.jpg` over connections that are kept."""

    def talk(connection):
        time.sleep(latency)  # a connection takes a round trip of its own
        buffer = b""
        with connection:
            while True:
                while b"\r\n\r\n" not in buffer:
                    more = connection.recv(65536)
                    if not more:
                        return
                    buffer += more
                request, _, buffer = buffer.partition(b"\r\n\r\n")
                name = request.split(b" ", 2)[1].rpartition(b"/")[2].removesuffix(b".jpg")
                body = photos[int(name, 16)]
                time.sleep(latency)
                head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
                connection.sendall(head % len(body) + body)

    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


# ------------------------------------------------------------------- the ways


def one_at_a_time(urls):
    for url in urls:
        requests.get(url, timeout=20).content  # noqa: B018


def one_at_a_time_with_a_session(urls):
    with requests.Session() as session:
        for url in urls:
            session.get(url, timeout=20).content  # noqa: B018


def only_receive(urls):
    """What 32 connections can bring, with as little as possible done to the bytes."""
    import urllib3

    pool = urllib3.PoolManager(maxsize=CONNECTIONS)
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(lambda url: pool.request("GET", url).data, urls))


def ours(names, folder):
    from utils.openimages.collect import Collection
    from utils.openimages.labels import Candidate
    from utils.openimages.photo_pool import Pool

    collection = Collection(Pool(folder), len(names), 1)
    collection.add([[Candidate(name, "test", {}) for name in names]])
    (chosen,) = collection.run(progress=False)
    assert len(chosen) == len(names)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=1200)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument("--side", type=int, default=640, help="of the photos, in pixels")
    options = parser.parse_args()
    from utils.openimages import hosts

    photos = [make_photo(number, options.side) for number in range(options.photos)]
    megabytes = sum(map(len, photos)) / 1e6
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    host = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn").Process(
        target=serve, args=(listener, photos, options.latency), daemon=True
    )
    host.start()
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("COURSE_"):
            del os.environ[name]
    hosts.AMAZON = f"http://127.0.0.1:{listener.getsockname()[1]}"
    names = [f"{number:016x}" for number in range(options.photos)]
    urls = [f"{hosts.AMAZON}/test/{name}.jpg" for name in names]
    few = urls[:PEER_PHOTOS]
    try:
        rates = {}
        with tempfile.TemporaryDirectory() as folder:
            for label, function, arguments, count in (
                ("one at a time, `requests.get`", one_at_a_time, (few,), len(few)),
                ("one at a time, a session", one_at_a_time_with_a_session, (few,), len(few)),
                ("ours, decoded and stored", ours, (names, Path(folder)), len(names)),
                ("32 threads that only receive", only_receive, (urls,), len(urls)),
            ):
                start = time.perf_counter()
                function(*arguments)
                rates[label] = count / (time.perf_counter() - start)
    finally:
        host.terminate()
    print(
        f"{options.photos:,} photos of {megabytes / options.photos * 1000:.0f} kB "
        f"({options.side}x{options.side * 3 // 4} pixels), {1000 * options.latency:.0f} ms a "
        f"request, {CONNECTIONS} connections: at most {CONNECTIONS / options.latency:,.0f} "
        f"photos/s. Python {platform.python_version()}, requests {requests.__version__}, "
        f"{os.cpu_count()} CPU cores for client and server.\n"
    )
    slowest = next(iter(rates.values()))
    print("| way | photos/s | MB/s | ratio |")
    print("|---|--:|--:|--:|")
    for label, rate in rates.items():
        speed = rate * megabytes / options.photos
        print(f"| {label} | {rate:,.0f} | {speed:,.1f} | {rate / slowest:.1f}× |")
    print("\nRatio: how many times as many photos per second as `requests.get` one at a time.")


if __name__ == "__main__":
    main()
