"""What the benchmarks share: options, timing, processes of their own, peak memory, tables."""

import argparse
import contextlib
import importlib.metadata
import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import psutil

from utils import runtime

ROOT = Path(__file__).resolve().parents[1]


def options(description: str, **defaults) -> argparse.Namespace:
    """Return the options of the command line.

    Args:
        description: The docstring of the benchmark.
        defaults: Each option with its default, which also gives its type; False makes a switch.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    for name, default in defaults.items():
        option = "--" + name.replace("_", "-")
        if default is False:
            parser.add_argument(option, action="store_true")
        else:
            parser.add_argument(
                option, type=type(default), default=default, help="default: %(default)s"
            )
    return parser.parse_args()


def machine(*packages: str) -> str:
    """Return what a benchmark ran on: Python, packages, backend, cores, processor."""
    words = [f"Python {platform.python_version()}"]
    words += [f"{name} {importlib.metadata.version(name)}" for name in packages]
    if "keras" in packages:
        words.append(f"on {os.environ.get('KERAS_BACKEND', 'tensorflow')}")
    return ", ".join(words) + f", {runtime.cores()} CPU cores ({processor()})"


def processor() -> str:
    """Return the name of the processor: times, and even ratios, differ between kinds."""
    with contextlib.suppress(OSError):  # Linux
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def seconds(
    function: Callable, repeats: int, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, float]:
    """Return the time of the first call, which may compile, and the best of the following ones."""
    taken = []
    for _ in range(repeats + 1):
        start = clock()
        function()
        taken.append(clock() - start)
    return taken[0], min(taken[1:])


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table, each row as soon as it has been measured."""
    print("| " + " | ".join(headings) + " |")
    print("|---|" + "--:|" * (len(headings) - 1))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


def ratio(value: float | None, reference: float | None) -> str:
    """Return how many times the reference a value is."""
    if not value or not reference:
        return "–"
    times = value / reference
    return (
        f"{times:,.0f} ×"
        if times >= 100
        else f"{times:.1f} ×"
        if times >= 0.95
        else f"{times:.2g} ×"
    )


def megabytes(size: float | None) -> str:
    """Return a number of bytes in MB."""
    return "–" if size is None else f"{size / 1e6:,.0f} MB"


def peak_memory() -> int:
    """Return the largest resident memory of this process so far, in bytes."""
    with contextlib.suppress(OSError):  # Linux; getrusage counts what the parent had as well
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    try:
        import resource
    except ImportError:  # Windows
        return psutil.Process().memory_info().peak_wset
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def in_a_process(
    function: Callable, *arguments, patience: float = 900, memory: float = 1.0
) -> dict:
    """Call a function in a fresh Python, and return what it reported.

    Args:
        function: Gets a function as its first argument, to which it reports dictionaries.
        arguments: Its other arguments.
        patience: Seconds after which the process is ended.
        memory: The share of the free memory that it may take, or else it is ended.

    Returns:
        All that was reported, and as "ended" why that is not everything (normally empty).
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=function, args=(sender.send, *arguments))
    limit = memory * psutil.virtual_memory().available
    end = time.monotonic() + patience
    process.start()
    sender.close()
    reported = {"ended": ""}
    with contextlib.suppress(EOFError, psutil.Error):  # it has reported everything
        while not reported["ended"]:
            if receiver.poll(0.05):
                reported |= receiver.recv()
            elif psutil.Process(process.pid).memory_info().rss > limit:
                reported["ended"] = "out of memory"
            elif time.monotonic() > end:
                reported["ended"] = "timed out"
    if reported["ended"]:
        process.kill()
    process.join()
    if process.exitcode and not reported["ended"]:
        reported["ended"] = f"failed with exit status {process.exitcode}"
    return reported
