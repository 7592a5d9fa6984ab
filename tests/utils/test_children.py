"""Children of a notebook: they run together, and none of them outlives its reason to live."""

import importlib.util
import json
import socket
import subprocess
import sys
import textwrap
import time

import psutil
import pytest
from conftest import ROOT

from utils import processes


@pytest.fixture
def script(tmp_path):
    """Writes a script and returns its path."""

    def write(text, name="script.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


def is_gone(pid, seconds=10):
    """Whether a process has ended, or ends within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def wait_for(path, seconds=30):
    """The text of a file, once it is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path.name} never came")


def test_what_they_print_comes_back_in_order(script, monkeypatch):
    monkeypatch.setenv("REMOVED", "1")
    path = script("import os; print(os.environ['NUMBER'], 'REMOVED' in os.environ, 'é')")
    scripts = [(path, {"NUMBER": str(number), "REMOVED": None}) for number in range(2)]
    assert [text.strip() for text in processes.run(scripts)] == ["0 False é", "1 False é"]


def test_they_run_at_the_same_time(script, tmp_path):
    # Each waits until the other has started.
    path = script(
        """
        import os, pathlib, time
        folder = pathlib.Path(__file__).parent
        (folder / os.environ["OWN"]).touch()
        while not (folder / os.environ["OTHER"]).exists():
            time.sleep(0.02)
        """
    )
    pair = [(path, {"OWN": "a", "OTHER": "b"}), (path, {"OWN": "b", "OTHER": "a"})]
    processes.run(pair, timeout=60)


def test_one_failure_ends_the_others_and_is_told(script, tmp_path):
    waits = script(
        """
        import os, pathlib, time
        pathlib.Path(__file__).with_name("pid").write_text(str(os.getpid()))
        time.sleep(600)
        """,
        "waits.py",
    )
    fails = script(
        """
        import pathlib, time
        while not pathlib.Path(__file__).with_name("pid").exists():
            time.sleep(0.02)
        raise ValueError("no such digit")
        """,
        "fails.py",
    )
    with pytest.raises(processes.ChildError, match=r"fails\.py failed(.|\n)*no such digit"):
        processes.run([(waits, {}), (fails, {})], timeout=60)
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_child_that_hangs_is_stopped(script, tmp_path):
    path = script(
        """
        import os, pathlib, time
        pathlib.Path(__file__).with_name("pid").write_text(str(os.getpid()))
        print("waiting for the other one", flush=True)
        time.sleep(600)
        """
    )
    with pytest.raises(processes.ChildError, match=r"did not end within 5 s(.|\n)*waiting for"):
        processes.run([(path, {})], timeout=5)
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_much_output_does_not_block(script):
    path = script("print('x' * 10**6); import sys; print('y' * 10**6, file=sys.stderr)")
    (printed,) = processes.run([(path, {})], timeout=60)
    assert len(printed.strip()) == 10**6


def test_a_killed_parent_takes_its_children_along(script, tmp_path):
    path = script(
        """
        import os, pathlib, time
        pathlib.Path(__file__).with_name("pid").write_text(str(os.getpid()))
        time.sleep(600)
        """
    )
    program = f"from utils import processes; processes.run([({str(path)!r}, {{}})])"
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    try:
        pid = int(wait_for(tmp_path / "pid"))
    finally:
        parent.kill()
        parent.wait()
    assert is_gone(pid)


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match="nothing to run"):
        processes.run([])
    with pytest.raises(ValueError, match="no script"):
        processes.run([(tmp_path / "missing.py", {})])


def test_a_child_does_not_find_the_modules_of_utils(script):
    # utils/ has a `data` and a `files`; a script may have its own.
    script("VALUE = 7", "files.py")
    (printed,) = processes.run([(script("import files; print(files.VALUE)"), {})])
    assert printed.strip() == "7"


def test_on_jax_a_child_does_not_load_tensorflow(script):
    path = script("import importlib.util; print(importlib.util.find_spec('tensorflow'))")
    with pytest.raises(processes.ChildError, match="tensorflow"):
        processes.run([(path, {"KERAS_BACKEND": "jax"})])


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


def test_a_free_port_can_be_listened_on():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", processes.free_port()))
