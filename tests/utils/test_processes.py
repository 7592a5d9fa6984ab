"""Processes that a notebook starts: they run together, and none outlives its reason to live."""

import contextlib
import importlib.util
import json
import subprocess
import sys
import textwrap
import time

import psutil
import pytest
from conftest import ROOT

from utils import processes
from utils.processes import cleanup

WAITS = """
    import os, pathlib, time
    path = pathlib.Path(__file__)
    path.with_name("part").write_text(str(os.getpid()))
    path.with_name("part").rename(path.with_name("pid"))
    print("waiting for the other one", flush=True)
    time.sleep(600)
"""
FAILS = """
    import pathlib, time
    while not pathlib.Path(__file__).with_name("pid").exists():
        time.sleep(0.02)
    raise ValueError("no such digit")
"""


@pytest.fixture
def script(tmp_path):
    """Write a script and return its path."""

    def write(text, name="script.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


def has_ended(pid):
    """Whether a process has ended, or ends within ten seconds."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return not cleanup.wait([psutil.Process(pid)], seconds=60)
    return True


def test_what_they_print_comes_back_in_order_and_much_output_does_not_block(script, monkeypatch):
    monkeypatch.setenv("REMOVED", "1")
    path = script(
        """
        import os, sys
        print("y" * 10**6, file=sys.stderr)
        print(os.environ["NUMBER"], "REMOVED" in os.environ, "é" * 10**6)
        """
    )
    scripts = [(path, {"NUMBER": str(number), "REMOVED": None}) for number in range(2)]
    printed = processes.run(scripts, timeout=60)
    assert [text.strip() for text in printed] == [f"{n} False {'é' * 10**6}" for n in range(2)]


def test_one_failure_ends_the_others_and_so_does_the_time(script, tmp_path):
    # They run at the same time: the one fails only when the other has started.
    pair = [(script(WAITS, "waits.py"), {}), (script(FAILS, "fails.py"), {})]
    with pytest.raises(processes.ChildError, match=r"fails\.py failed(.|\n)*no such digit"):
        processes.run(pair, timeout=60)
    assert has_ended(int((tmp_path / "pid").read_text()))
    with pytest.raises(processes.ChildError, match=r"did not end within 2 s(.|\n)*waiting for"):
        processes.run([(script(WAITS), {})], timeout=2)
    assert has_ended(int((tmp_path / "pid").read_text()))
    with pytest.raises(ValueError, match="nothing to run"):
        processes.run([])
    with pytest.raises(ValueError, match="no script"):
        processes.run([(tmp_path / "missing.py", {})])


def test_they_end_with_a_process_that_is_killed(script, tmp_path):
    program = f"from utils import processes; processes.run([({str(script(WAITS))!r}, {{}})])"
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    try:
        deadline = time.monotonic() + 90
        while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.wait()
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_a_script_finds_its_own_modules_and_on_jax_no_tensorflow(script):
    script("VALUE = 7", "cleanup.py")  # utils/processes has one, too
    path = script(
        """
        import cleanup, sys
        try:
            import tensorflow.data
        except ModuleNotFoundError:
            print(cleanup.VALUE, "tensorflow" in sys.modules)
        """
    )
    (printed,) = processes.run([(path, {"KERAS_BACKEND": "jax"})])
    assert printed.strip() == "7 False"


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
@pytest.mark.skipif(sys.platform != "linux", reason="JAX's CPU collectives are sure on Linux only")
def test_two_processes_find_each_other(script):
    """What the lesson falls back from with a message must work where it can."""
    path = script(
        """
        import json, os
        import jax
        jax.distributed.initialize(
            os.environ["ADDRESS"], num_processes=2, process_id=int(os.environ["NUMBER"])
        )
        from jax.experimental import multihost_utils
        parts = multihost_utils.process_allgather(jax.numpy.float32(jax.process_index() + 1))
        print(json.dumps(parts.tolist()))
        """
    )
    common = {
        "KERAS_BACKEND": "jax",
        "ADDRESS": f"127.0.0.1:{processes.free_port()}",
        "JAX_PLATFORMS": "cpu",
        "JAX_CPU_COLLECTIVES_IMPLEMENTATION": "gloo",
        "XLA_FLAGS": None,
    }
    pair = [(path, common | {"NUMBER": str(number)}) for number in range(2)]
    printed = processes.run(pair, timeout=120)
    assert [json.loads(text.strip().splitlines()[-1]) for text in printed] == [[1.0, 2.0]] * 2
