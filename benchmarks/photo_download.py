"""Compare ways to download many photos from a host that takes 50 ms to answer.

    python -m benchmarks.photo_download
    python -m benchmarks.photo_download --photos 300 --latency 0.02

A server on this machine, in a process of its own, waits before each answer as a distant host
does (and once more for each new connection). In one run it serves the same photos to

- `requests.get` in a loop: one after the other, each over a new connection,
- `requests.Session` in a loop: one after the other, over one connection,
- `utils.openimages`: 32 connections; every photo is decoded and written to the disk as well,
- 32 threads that only receive and throw away: what the connections and this machine could do.

The peers only receive. Where they ask for one photo at a time, they are timed on a hundred photos.
"""

import io
import multiprocessing
import os
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import requests
import urllib3
from PIL import Image

from benchmarks import _harness as harness
from utils.openimages import hosts
from utils.openimages.collect import Collection
from utils.openimages.labels import Candidate
from utils.openimages.photo_pool import Pool

CONNECTIONS = 32
PEER_PHOTOS = 100


def make_photo(number, side):
    """Return a JPEG with some detail, different for each number."""
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
        with connection, connection.makefile("rb") as requested:
            while request := requested.readline():
                while requested.readline().strip():
                    pass
                name = request.split(b" ", 2)[1].rpartition(b"/")[2].removesuffix(b".jpg")
                body = photos[int(name, 16)]
                time.sleep(latency)
                head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
                connection.sendall(head % len(body) + body)

    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


def one_at_a_time(urls):
    """Ask for one photo after the other, each over a new connection."""
    for url in urls:
        requests.get(url, timeout=20).raise_for_status()


def one_at_a_time_with_a_session(urls):
    """Ask for one photo after the other over one connection."""
    with requests.Session() as session:
        for url in urls:
            session.get(url, timeout=20).raise_for_status()


def ours(urls):
    """Download, decode and store the photos as the course does."""
    names = [url.rpartition("/")[2].removesuffix(".jpg") for url in urls]
    with tempfile.TemporaryDirectory() as folder:
        collection = Collection(Pool(Path(folder)), len(names), 1)
        collection.add([[Candidate(name, "test", {}) for name in names]])
        (chosen,) = collection.run(progress=False)
    assert len(chosen) == len(names)


def only_receive(urls):
    """Bring what 32 connections can, with as little as possible done to the bytes."""
    pool = urllib3.PoolManager(maxsize=CONNECTIONS)
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(lambda url: pool.request("GET", url).data, urls))


WAYS = {
    "one at a time, `requests.get`": one_at_a_time,
    "one at a time, a session": one_at_a_time_with_a_session,
    "ours, decoded and stored": ours,
    "32 threads that only receive": only_receive,
}


def rows(urls, bytes_each):
    """Yield a row of the table for every way."""
    slowest = None
    for name, function in WAYS.items():
        few = urls[:PEER_PHOTOS] if name.startswith("one") else urls
        start = time.perf_counter()
        function(few)
        rate = len(few) / (time.perf_counter() - start)
        slowest = slowest or rate
        speed = f"{rate * bytes_each / 1e6:,.1f}"
        yield name, f"{rate:,.0f}", speed, harness.ratio(rate, slowest)


def main():
    """Start the host and measure every way."""
    options = harness.options(__doc__, photos=1200, latency=0.05, side=640)
    photos = [make_photo(number, options.side) for number in range(options.photos)]
    bytes_each = sum(map(len, photos)) / len(photos)
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    host = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn").Process(
        target=serve, args=(listener, photos, options.latency), daemon=True
    )
    host.start()
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("COURSE_"):
            del os.environ[name]
    hosts.AMAZON = f"http://127.0.0.1:{listener.getsockname()[1]}"
    urls = [f"{hosts.AMAZON}/test/{number:016x}.jpg" for number in range(options.photos)]
    work = f"{options.photos:,} photos of {bytes_each / 1000:.0f} kB"
    most = f"at most {CONNECTIONS / options.latency:,.0f} photos/s over {CONNECTIONS} connections"
    print(f"{harness.machine('requests')}; {work}, {most}\n")
    try:
        harness.table(["way", "photos/s", "MB/s", "ratio"], rows(urls, bytes_each))
    finally:
        host.terminate()


if __name__ == "__main__":
    main()
