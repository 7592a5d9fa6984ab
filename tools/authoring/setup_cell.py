# @title Setup: the same cell in every notebook (finds the course, or fetches it)
import io
import pathlib
import shutil
import sys
import urllib.request
import zipfile

REPOSITORY, REF = "your--account/deep-learning-in-practice", "main"

fetched = pathlib.Path.cwd() / f"{REPOSITORY.split('/')[1]}-{REF}"
places = [pathlib.Path.cwd(), *pathlib.Path.cwd().parents, fetched]
root = next((p for p in places if (p / "utils" / "runtime.py").is_file()), None)
if root is None:  # a notebook on its own, as in Colab: fetch the rest of the course
    url = f"https://github.com/{REPOSITORY}/archive/{REF}.zip"
    unpacked = fetched.with_name(fetched.name + ".part")
    print(f"Fetching the course from {url} …")
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            zipfile.ZipFile(io.BytesIO(answer.read())).extractall(unpacked)
    except (OSError, zipfile.BadZipFile) as error:
        raise RuntimeError(
            f"Could not fetch the course from {url} ({error}). Is this machine online (Kaggle: "
            "Settings → Internet on), and is the address right? Or download the whole course and "
            "open the notebook inside its folder."
        ) from None
    next(unpacked.iterdir()).rename(fetched)
    shutil.rmtree(unpacked)
    root = fetched

sys.path.insert(0, str(root))
import utils

if root / "utils" != pathlib.Path(getattr(utils, "__file__", None) or "?").parent:
    raise ImportError(
        f"Python found another package called utils ({utils}), not the one in {root}. Restart "
        "the kernel and run this cell before any other; if that does not help, rename that one."
    )
from utils import runtime

runtime.prepare()
