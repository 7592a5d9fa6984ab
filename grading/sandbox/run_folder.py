"""What one start of a kernel gets: its folder, its variables, and places it can write to."""

import os
import pathlib
import sys
import tempfile

from grading.limits import Limits
from grading.sandbox.inside.confine import NOBODY
from grading.sandbox.view import DATA, OF_COURSE, ROOT, WORKING, data_folder

SHARED_MEMORY_MB = 64
# The variables that a submission gets to see, if they are set.
PASSED_ON = (
    "COURSE_PROFILE",
    "KERAS_BACKEND",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TZ",
    "XLA_FLAGS",
)


def make(is_isolated: bool, parent: str | os.PathLike | None = None) -> pathlib.Path:
    """Make a folder for one start of a kernel: its settings, sockets, the submission's files."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    for name in ("sockets", "files"):
        (folder / name).mkdir()
    if not is_isolated:
        for name in ("course/notebooks/homework", "home", "tmp"):
            (folder / name).mkdir(parents=True)
        for name in OF_COURSE:
            (folder / "course" / name).symlink_to(ROOT / name)
    return folder


def give_away(folder: pathlib.Path) -> None:
    """Give a folder and everything in it to the user that root's submissions run as."""
    if os.geteuid() != 0:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def writable(limits: Limits) -> dict[str, int]:
    """Return the writable folders inside bubblewrap, and the megabytes they hold."""
    return {
        WORKING: limits.disk_mb,
        "/tmp": limits.disk_mb,
        "/dev/shm": min(SHARED_MEMORY_MB, limits.disk_mb),
    }


def environment(run_folder: pathlib.Path | None = None) -> dict[str, str]:
    """Return the variables that a submission sees.

    Args:
        run_folder: Where it runs as an ordinary program; None inside bubblewrap.
    """
    home = "/tmp/home" if run_folder is None else str(run_folder / "home")
    variables = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    variables |= {
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), "/usr/local/bin:/usr/bin:/bin"]),
        "HOME": home,
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"),
        "CUDA_VISIBLE_DEVICES": "-1",
        "MPLCONFIGDIR": f"{home}/matplotlib",
        "COURSE_OFFLINE": "1",
    }
    for variable, inside in DATA.items():
        if folder := data_folder(variable):
            variables[variable] = inside if run_folder is None else folder
    if run_folder is not None:
        variables["TMPDIR"] = str(run_folder / "tmp")
    return variables
