"""Run a script that ends with the process that started it: what `processes.run` starts."""

import contextlib
import faulthandler
import importlib.abc
import os
import runpy
import sys
import threading
from pathlib import Path


class _NoTensorFlow(importlib.abc.MetaPathFinder):
    """Make TensorFlow look as if it were not installed."""

    def find_spec(self, name, path=None, target=None):
        # None in sys.modules would not do: Keras takes every entry there for a loaded TensorFlow.
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r} (left out here)", name=name)
        return None


def _end_with_parent():
    # The parent never writes; the pipe ends when the parent does, however it does.
    with contextlib.suppress(OSError, ValueError):
        while os.read(0, 1024):
            pass
    os._exit(1)


def _main(path, seconds):
    threading.Thread(target=_end_with_parent, daemon=True).start()
    faulthandler.dump_traceback_later(float(seconds) + 30, exit=True)
    # This file's folder must not be searched for modules: it holds names of its own.
    sys.path[0] = str(Path(path).parent)
    sys.argv = [path]
    if os.environ.get("KERAS_BACKEND") == "jax":
        # Keras would load TensorFlow, for seconds, only to see that it is given no tf.data.
        sys.meta_path.insert(0, _NoTensorFlow())
    runpy.run_path(path, run_name="__main__")
    sys.stdout.flush()
    sys.stderr.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
