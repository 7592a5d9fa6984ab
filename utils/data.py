"""The datasets of the course: one call each, and always a word on where the data came from.

A file is looked for in the cache, then in the mirror that `COURSE_DATA_MIRROR` names (a folder
or an http(s) address), then at its official sources. If none has it, a sample that comes with
scikit-learn stands in, so that a lesson runs even on a machine without network. What every file
is, and its sha256, stands in `data/registry.toml`; `data/README.md` tells more.

Teachers: `python -m utils.data --help`.
"""

import argparse
import contextlib
import difflib
import functools
import gzip
import hashlib
import io
import math
import os
import pickle
import sys
import tarfile
import tempfile
import tomllib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

import numpy as np

from utils import download as downloads
from utils.download import DownloadError, format_bytes

REGISTRY = Path(__file__).resolve().parents[1] / "data" / "registry.toml"
DEFAULT_CACHE = REGISTRY.parent / "cache"
ADVICE = (
    "run again when online (after restarting the kernel), or set COURSE_DATA_MIRROR to a folder "
    "or web address that has the files (data/README.md says how)"
)
MIRROR_ONLY = "it has no official source, only a mirror can have it"

MNIST_FILES = {
    "x_train": "mnist/train-images-idx3-ubyte.gz",
    "y_train": "mnist/train-labels-idx1-ubyte.gz",
    "x_test": "mnist/t10k-images-idx3-ubyte.gz",
    "y_test": "mnist/t10k-labels-idx1-ubyte.gz",
}
CIFAR10_WHOLE = "cifar10/cifar-10-python.tar.gz"
CIFAR10_SUBSET = "cifar10/cifar10_subset.npz"
CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class DataError(RuntimeError):
    """A name is unknown, no source has a file, or a file cannot be read."""


@dataclass(frozen=True)
class Origin:
    """Where data came from: the kind, and one plain sentence for people."""

    kind: Literal["cache", "mirror", "official", "sample"]
    text: str

    @property
    def is_sample(self) -> bool:
        """Whether a sample stands in for the real data."""
        return self.kind == "sample"


@dataclass(frozen=True, eq=False, repr=False)
class ImageDataset:
    """Labelled images, split into training and test images.

    Attributes:
        name: the name in the registry, for instance `mnist`.
        x_train: uint8, 0 to 255; shape (samples, 28, 28) for MNIST, (samples, 32, 32, 3) in RGB
            for CIFAR-10.
        y_train: int64, shape (samples,): an index into `class_names`.
        x_test: like `x_train`.
        y_test: like `y_train`.
        class_names: one name for each class.
        origin: where the data came from.
        files: the files behind the arrays: official file name -> path on this machine. MNIST has
            its four files here, also when a sample stands in. May be empty for other datasets.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]
    origin: Origin
    files: dict[str, Path]

    def __repr__(self) -> str:
        shape = "x".join(str(length) for length in self.x_train.shape[1:])
        return (
            f"ImageDataset({self.name}: {len(self.x_train):,} training and {len(self.x_test):,} "
            f"test images, {shape} {self.x_train.dtype}, {len(self.class_names)} classes, "
            f"from: {self.origin.kind})"
        )


# --- Registry --------------------------------------------------------------------------------


@dataclass(frozen=True)
class RegistryFile:
    """One file of the registry; `name` is also its path in the cache and in a mirror."""

    name: str
    dataset: str
    title: str
    urls: tuple[str, ...]
    sha256: str
    size: int
    licence: str
    citation: str


@functools.cache
def _registry(path: Path) -> dict[str, RegistryFile]:
    """Read the registry: name of a file -> its entry. Raises DataError if it cannot be read."""
    try:
        datasets = tomllib.loads(path.read_text(encoding="utf-8"))
        return {
            name: RegistryFile(
                name=name,
                dataset=dataset,
                title=about["title"],
                urls=tuple(file["urls"]),
                sha256=file["sha256"].lower(),
                size=file["size"],
                licence=file.get("licence") or about["licence"],
                citation=file.get("citation") or about["citation"],
            )
            for dataset, about in datasets.items()
            for name, file in about["files"].items()
        }
    except (OSError, tomllib.TOMLDecodeError) as problem:
        raise DataError(f"The registry {path} cannot be read: {problem}.") from problem
    except KeyError as problem:
        raise DataError(f"The registry {path} has an entry without {problem}.") from problem


def registry_files() -> dict[str, RegistryFile]:
    """Return all files of `data/registry.toml`, by name."""
    return _registry(REGISTRY)


def _entry(name: str) -> RegistryFile:
    files = registry_files()
    if name not in files:
        raise DataError(_unknown("file", name, files))
    return files[name]


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that is not known, with the names it may have meant."""
    known = list(known)
    # People leave out the folder, so the last part of a name counts as well.
    aliases = {alias.lower(): full for full in known for alias in (full, full.split("/")[-1])}
    close = difflib.get_close_matches(str(name).lower(), aliases, n=2, cutoff=0.5)
    meant = " or ".join(dict.fromkeys(repr(aliases[alias]) for alias in close))
    hint = f" Did you mean {meant}?" if meant else ""
    return f"There is no {kind} {name!r}.{hint} Known: {', '.join(known)}."


# --- Cache -----------------------------------------------------------------------------------


def cache_folder() -> Path:
    """Return the folder that fetched files go to; it exists and can be written.

    It is `COURSE_DATA_DIR`, by default `data/cache` in the repository. If that cannot be
    written, a cache folder of the user takes its place, then a temporary one (said once).

    Raises:
        DataError: not even a temporary folder can be written.
    """
    return _writable_folder(_preferred_cache())


def _preferred_cache() -> Path:
    wish = os.environ.get("COURSE_DATA_DIR", "").strip()
    return Path(wish).expanduser().absolute() if wish else DEFAULT_CACHE


@functools.cache
def _writable_folder(preferred: Path) -> Path:
    for folder in (preferred, *_fallback_folders()):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError:
            continue
        if folder != preferred:
            print(f"The data folder {preferred} cannot be written; using {folder} instead.")
        return folder
    raise DataError(
        f"No folder for data can be written: neither {preferred} nor a temporary one. "
        "Set COURSE_DATA_DIR to a folder that can be written."
    )


def _fallback_folders() -> Iterator[Path]:
    name = "deep-learning-in-practice"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    with contextlib.suppress(RuntimeError):  # a user without a home
        yield Path(base).expanduser() / name
    owner = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    yield Path(tempfile.gettempdir()) / f"{name}-{owner}"


_verified: set[tuple[Path, int, int]] = set()


def _is_right(path: Path, entry: RegistryFile) -> bool:
    """Check the sha256 of a file; a file that has not changed is not read twice by a process."""
    state = path.stat()
    signature = (path, state.st_size, state.st_mtime_ns)
    if signature not in _verified:
        if state.st_size != entry.size or downloads.sha256_of(path) != entry.sha256:
            return False
        _verified.add(signature)
    return True


# --- Sources ---------------------------------------------------------------------------------
# Each takes an entry and a list to which it adds why it failed, and returns the path and the
# origin, or None. `folder` is where a fetched file goes (by default the cache).

_unreachable_hosts: set[str] = set()
_said: set[str] = set()


def _say_once(text: str) -> None:
    if text not in _said:
        _said.add(text)
        print(text)


def _from_cache(entry: RegistryFile, failures: list[str]) -> tuple[Path, Origin] | None:
    for folder in _folders_to_read():
        path = folder / entry.name
        try:
            if not path.is_file():
                continue
            if _is_right(path, entry):
                return path, Origin("cache", f"Read from the cache, {path.parent}.")
            downloads.remove_if_wrong(path, entry.sha256)
        except (OSError, DownloadError):
            pass  # it cannot be read, or cannot be deleted: then only go past it
        problem = f"the cached file {path} is damaged"
        failures.append(problem)
        _say_once(f"{problem[0].upper()}{problem[1:]}, so it is fetched again.")
    return None


def _folders_to_read() -> Iterator[Path]:
    """Yield the preferred cache, which can be read even if it cannot be written, then ours."""
    preferred = _preferred_cache()
    yield preferred
    folder = cache_folder()
    if folder != preferred:
        yield folder


def _from_mirror(
    entry: RegistryFile, failures: list[str], folder: Path | None = None
) -> tuple[Path, Origin] | None:
    mirror = os.environ.get("COURSE_DATA_MIRROR", "").strip()
    if not mirror:
        return None
    if mirror.lower().startswith(("http://", "https://")):
        return _from_web_mirror(entry, failures, mirror, folder)
    source = Path(mirror).expanduser() / entry.name
    if not Path(mirror).expanduser().is_dir():
        failures.append(f"COURSE_DATA_MIRROR is {mirror}, which is neither a folder nor http(s)")
        return None
    if not source.is_file():
        failures.append(f"the mirror {mirror} does not have {entry.name}")
        return None
    origin = Origin("mirror", f"Copied from the mirror {mirror}.")
    target = (folder or cache_folder()) / entry.name
    try:
        downloads.install(source, target, entry.sha256)
        return target, origin
    except (OSError, DownloadError) as problem:
        try:
            if folder is None and _is_right(source, entry):
                # Only the copy failed, for instance because the disk is full.
                return source, Origin("mirror", f"Read in place from the mirror {mirror}.")
        except OSError:
            pass  # the mirror's file cannot be read; that is the problem to report
        failures.append(f"mirror {mirror}: {problem}")
    return None


def _from_web_mirror(
    entry: RegistryFile, failures: list[str], mirror: str, folder: Path | None
) -> tuple[Path, Origin] | None:
    if downloads.offline_requested():
        return None  # the official sources will give the same reason
    url = f"{mirror.rstrip('/')}/{quote(entry.name)}"
    try:
        return _fetch_to(folder, entry, [url], "mirror")
    except DownloadError as problem:
        if any(failure.status in (404, 410) for failure in problem.failures):
            failures.append(f"the mirror {mirror} does not have {entry.name}")
        else:
            failures.append(_reasons(problem))
    return None


def _from_official(
    entry: RegistryFile, failures: list[str], folder: Path | None = None
) -> tuple[Path, Origin] | None:
    if not entry.urls:
        return None
    if downloads.offline_requested():
        failures.append("COURSE_OFFLINE is set, so the network is not used")
    else:
        try:
            return _fetch_to(folder, entry, _while_online(entry.urls), "official")
        except DownloadError as problem:
            failures.append(_reasons(problem))
    return None


def _while_online(urls: Iterable[str]) -> Iterator[str]:
    """Yield official URLs until two different hosts have proved to be unreachable.

    Then the machine is taken to be offline, and no lesson waits for a third host.
    """
    for url in urls:
        if len(_unreachable_hosts) >= 2:
            return
        if not downloads.network_available(url):
            _unreachable_hosts.add(urlsplit(url).hostname)
        yield url


def _fetch_to(
    folder: Path | None, entry: RegistryFile, urls: Iterable[str], kind: str
) -> tuple[Path, Origin]:
    target = (folder or cache_folder()) / entry.name
    url = downloads.download(urls, target, entry.sha256, entry.size, label=entry.name)
    if url.startswith("file:"):  # another process fetched it while this one waited
        return target, Origin("cache", f"Read from the cache, {target.parent}.")
    from_mirror = " the mirror" if kind == "mirror" else ""
    return target, Origin(kind, f"Downloaded from{from_mirror} {urlsplit(url).netloc}.")


def _reasons(problem: DownloadError) -> str:
    """Shorten a download's error to its reasons, in one line."""
    if problem.failures:
        reasons = dict.fromkeys(
            failure.reason
            # An unreachable host is named in the reason already.
            if "cannot be reached" in failure.reason
            else f"{failure.url}: {failure.reason}"
            for failure in problem.failures
        )
        return "; ".join(reasons)
    if _unreachable_hosts:
        return "there seems to be no network"
    return str(problem).rstrip(".")  # the disk is full, or the like


def _find(names: Iterable[str], failures: list[str]) -> tuple[str, Path, Origin] | None:
    """Look for the first of several files that any source has, the nearest source first."""
    entries = [_entry(name) for name in names]
    for source in (_from_cache, _from_mirror, _from_official):
        for entry in entries:
            try:
                found = source(entry, failures)
            except DataError as problem:  # there is no folder to write to
                failures.append(str(problem).rstrip("."))
                continue
            if found:
                return entry.name, *found
    return None


# --- Single files ----------------------------------------------------------------------------


def fetch(name: str) -> Path:
    """Return the path of a file of the registry, fetching it if need be.

    Args:
        name: as in `data/registry.toml`, for instance `mnist/train-images-idx3-ubyte.gz`.

    Raises:
        DataError: the name is unknown, or no source has the file. No sample stands in for a
            single file.
    """
    path, _ = fetch_with_origin(name)
    return path


def fetch_with_origin(name: str) -> tuple[Path, Origin]:
    """Like `fetch`, but return the path and where the file came from."""
    failures = []
    found = _find([name], failures)
    if found is None:
        raise _missing(_entry(name), failures)
    _, path, origin = found
    return path, origin


def _missing(entry: RegistryFile, failures: list[str]) -> DataError:
    lines = [f"No source has {entry.name} ({format_bytes(entry.size)})."]
    lines += [f"  - {failure}" for failure in dict.fromkeys(failures)]
    lines += [] if entry.urls else [f"  - {MIRROR_ONLY}"]
    lines.append(f"What you can do: {ADVICE}.")
    return DataError("\n".join(lines))


def read_idx(path: str | os.PathLike) -> np.ndarray:
    """Read an array from an IDX file, the format of MNIST (gzip-compressed or not).

    An IDX file has the bytes 0, 0, a code for the type, the number of dimensions; then the
    length of each dimension as a big-endian 32-bit integer; then the values.

    Returns:
        An array with the file's shape and its type in native byte order.

    Raises:
        DataError: the file is missing, truncated, or not an IDX file.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise DataError(
            f"{path} is damaged or cut short ({problem}). Delete it and fetch it again."
        ) from problem
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror or problem}.") from problem
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_TYPES:
        raise DataError(
            f"{path} is not an IDX file: it starts with {content[:4].hex(' ') or 'nothing'}, "
            "expected 00 00, a type code (08 for unsigned bytes) and the number of dimensions."
        )
    value_type = np.dtype(IDX_TYPES[content[2]])
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise DataError(f"{path} is cut short: it ends within its header of {header} bytes.")
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4))
    expected = header + math.prod(shape) * value_type.itemsize
    if len(content) != expected:
        raise DataError(
            f"{path} holds {len(content)} bytes, but its header announces an array of shape "
            f"{shape}, which takes {expected}. Delete it and fetch it again."
        )
    values = np.frombuffer(content, value_type, offset=header)
    return values.reshape(shape).astype(value_type.newbyteorder("="))


# --- Datasets --------------------------------------------------------------------------------


def load(name: str) -> ImageDataset:
    """Load a dataset by name, `mnist` or `cifar10`. Raises DataError for an unknown name."""
    if name not in LOADERS:
        raise DataError(_unknown("dataset", name, LOADERS))
    return LOADERS[name]()


def load_mnist() -> ImageDataset:
    """Load MNIST: 70,000 handwritten digits (LeCun et al. 1998), 28x28 pixels, ten classes.

    Prints one line on where it came from. If no source has it, scikit-learn's digits stand in
    (1,437 training and 360 test images); `origin.is_sample` tells, and so do two lines.

    Returns:
        Images of shape (samples, 28, 28), uint8; labels of shape (samples,), int64; in `files`
        the four IDX files under their official names.
    """
    failures, paths, origins = [], {}, []
    for part, name in MNIST_FILES.items():
        found = _find([name], failures)
        if found is None:
            return _announce(_sample_mnist(failures))
        _, paths[part], origin = found
        origins.append(origin)
    arrays = {part: read_idx(path) for part, path in paths.items()}
    dataset = ImageDataset(
        name="mnist",
        x_train=arrays["x_train"],
        y_train=arrays["y_train"].astype(np.int64),
        x_test=arrays["x_test"],
        y_test=arrays["y_test"].astype(np.int64),
        class_names=tuple("0123456789"),
        # The files may come from different places; the farthest one is the one to tell.
        origin=max(origins, key=lambda origin: ("cache", "mirror", "official").index(origin.kind)),
        files={path.name: path for path in paths.values()},
    )
    return _announce(dataset)


def load_cifar10() -> ImageDataset:
    """Load CIFAR-10: 60,000 colour photos (Krizhevsky 2009), 32x32 pixels, ten classes.

    The whole dataset and a subset of it are looked for, first in the cache, then in the mirror;
    then the whole is downloaded (170 MB). Prints one line on what came from where. If no source
    has it, patches of two photos that come with scikit-learn stand in (two classes);
    `origin.is_sample` tells, and so do two lines.

    Returns:
        Images of shape (samples, 32, 32, 3), uint8, RGB; labels of shape (samples,), int64.
    """
    failures = []
    found = _find([CIFAR10_WHOLE, CIFAR10_SUBSET], failures)
    if found is None:
        return _announce(_sample_cifar10(failures))
    name, path, origin = found
    if name == CIFAR10_WHOLE:
        arrays = _read_cifar10_archive(path, _entry(name).sha256)
    else:
        with np.load(path, allow_pickle=False) as content:
            arrays = {part: content[part] for part in MNIST_FILES}
        origin = Origin(origin.kind, f"This is a subset of CIFAR-10. {origin.text}")
    dataset = ImageDataset(
        name="cifar10",
        x_train=arrays["x_train"],
        y_train=arrays["y_train"].ravel().astype(np.int64),
        x_test=arrays["x_test"],
        y_test=arrays["y_test"].ravel().astype(np.int64),
        class_names=CIFAR10_CLASSES,
        origin=origin,
        files={path.name: path},
    )
    return _announce(dataset)


LOADERS = {"mnist": load_mnist, "cifar10": load_cifar10}


def _announce(dataset: ImageDataset) -> ImageDataset:
    counts = f"{len(dataset.x_train):,} training and {len(dataset.x_test):,} test images"
    if dataset.origin.is_sample:
        print(f"{dataset.origin.text} It has {counts}.")
        print(f"For the real data: {ADVICE}.")
    else:
        files = registry_files().values()
        title = next(file.title for file in files if file.dataset == dataset.name)
        print(f"{title}: {counts}. {dataset.origin.text}")
    return dataset


class _PlainUnpickler(pickle.Unpickler):
    """Unpickles arrays, bytes, numbers, lists and dictionaries, and refuses everything else."""

    def find_class(self, module: str, name: str):
        # NumPy's names from the time of Python 2 and those of today.
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np.empty(0).__reduce__()[0]
        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        if (module, name) == ("numpy", "dtype"):
            # The old pickles pass 0 and 1, where some newer NumPy versions warn and want bool.
            return lambda code, align, copy: np.dtype(code, align=bool(align), copy=bool(copy))
        raise pickle.UnpicklingError(f"{module}.{name} has no place in this file")


def _read_cifar10_archive(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """Read the official archive: six pickled batches in a tar.

    Unpickling can run any code, so the sha256 of the very file that is open is checked first,
    and only plain data is unpickled even then.

    Raises:
        DataError: the file is not the one of the registry, or has an unexpected content.
    """
    batches = {}
    try:
        with open(path, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise DataError(f"{path} is not the archive of the registry. Delete it.")
            file.seek(0)
            with tarfile.open(fileobj=file, mode="r:gz") as archive:
                for member in archive:
                    name = member.name.split("/")[-1]
                    if member.isfile() and (name == "test_batch" or name.startswith("data_batch")):
                        content = io.BytesIO(archive.extractfile(member).read())
                        batches[name] = _PlainUnpickler(content, encoding="bytes").load()
        training = [batches[f"data_batch_{number}"] for number in range(1, 6)]
        x_train, y_train = _join_batches(training)
        x_test, y_test = _join_batches([batches["test_batch"]])
    except (OSError, tarfile.TarError, EOFError, pickle.UnpicklingError) as problem:
        raise DataError(f"{path} cannot be read: {problem}.") from problem
    except (KeyError, ValueError) as problem:
        raise DataError(f"{path} is not laid out like CIFAR-10: {problem!r}.") from problem
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _join_batches(batches: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    """Return images (samples, 32, 32, 3) and labels (samples,) of several batches.

    A row of a batch has 3072 bytes: 1024 of red, 1024 of green, 1024 of blue.
    """
    rows = np.concatenate([batch[b"data"] for batch in batches])
    labels = np.concatenate([batch[b"labels"] for batch in batches])
    images = rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images, but {len(labels)} labels")
    return np.ascontiguousarray(images, dtype=np.uint8), labels


# --- Samples ---------------------------------------------------------------------------------


def _because(failures: list[str]) -> str:
    return "; ".join(dict.fromkeys(failures)).replace("\n", " ")


def _sample_mnist(failures: list[str]) -> ImageDataset:
    """Build the stand-in for MNIST, also as four IDX files that a lesson can open by hand."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = np.stack([_like_mnist(image) for image in digits.images])
    x_train, x_test, y_train, y_test = train_test_split(
        images,
        digits.target.astype(np.int64),
        test_size=0.2,
        stratify=digits.target,
        random_state=0,
    )
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    return ImageDataset(
        name="mnist",
        **arrays,
        class_names=tuple("0123456789"),
        origin=Origin(
            "sample",
            "SAMPLE DATA: scikit-learn's 8x8 digits scaled to 28x28 stand in for MNIST, because "
            f"{_because(failures)}.",
        ),
        files=_write_sample_files(arrays),
    )


def _like_mnist(image: np.ndarray) -> np.ndarray:
    """Turn a digit of 8x8 values from 0 to 16 into 28x28 values from 0 to 255.

    As in MNIST, the digit fills 20x20 pixels and its centre of mass is in the middle.
    """
    from scipy.ndimage import center_of_mass, zoom

    large = zoom(image, 20 / 8, order=3, mode="grid-constant", grid_mode=True)  # Shape: (20, 20)
    large = np.clip(large * (255 / 16), 0, 255)
    # The middle of 28 pixels is 13.5. Between 0 and 8 the digit stays within the frame.
    top, left = (int(np.clip(round(13.5 - at), 0, 8)) for at in center_of_mass(large))
    framed = np.zeros((28, 28), dtype=np.uint8)
    framed[top : top + 20, left : left + 20] = np.round(large)
    return framed


def _write_sample_files(arrays: dict[str, np.ndarray]) -> dict[str, Path]:
    """Write the sample as four gzip-compressed IDX files under the official names."""
    contents = {
        Path(name).name: gzip.compress(_idx_bytes(arrays[part]), compresslevel=6, mtime=0)
        for part, name in MNIST_FILES.items()
    }
    problems = []
    # The folder of the cache, or on a full disk one of the others, which may be on another disk.
    for base in (_preferred_cache(), *_fallback_folders()):
        folder = base / "sample-mnist"
        try:
            for name, content in contents.items():
                _write_if_different(folder / name, content)
            return {name: folder / name for name in contents}
        except OSError as problem:
            problems.append(f"{folder} ({problem.strerror or problem})")
    print(f"The sample's files could not be written: {'; '.join(problems)}.")
    return {}


def _write_if_different(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two notebooks may write at once, so each has its own temporary file.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _idx_bytes(array: np.ndarray) -> bytes:
    """Return an array of values from 0 to 255 in the IDX format, as unsigned bytes."""
    header = bytes([0, 0, 0x08, array.ndim])
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return header + lengths + array.astype(np.uint8).tobytes()


def _sample_cifar10(failures: list[str]) -> ImageDataset:
    """Build the stand-in for CIFAR-10: patches of two photos, from one side for training and
    from the other side for testing."""
    from sklearn.datasets import load_sample_images

    building, flower = load_sample_images().images  # each of shape (427, 640, 3), uint8
    # Rows and columns that show the building and the flower, not the sky or the leaves.
    training = (building[80:380, 75:250], flower[85:360, 170:340])
    testing = (building[80:380, 250:346], flower[85:360, 340:445])
    x_train, y_train = _patches(training)
    x_test, y_test = _patches(testing)
    return ImageDataset(
        name="cifar10",
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        class_names=("building", "flower"),
        origin=Origin(
            "sample",
            "SAMPLE DATA: patches of two photos (building, flower) from scikit-learn stand in "
            f"for CIFAR-10, because {_because(failures)}.",
        ),
        files={},
    )


def _patches(regions: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Cut windows of 32, 64 and 96 pixels out of each region and average them to 32x32.

    Returns:
        Images (samples, 32, 32, 3), uint8, in a fixed random order; labels (samples,), int64:
        the index of the region.
    """
    images, labels = [], []
    for label, region in enumerate(regions):
        height, width, _ = region.shape
        for scale in (1, 2, 3):
            side = 32 * scale
            for top in range(0, height - side + 1, 20):
                for left in range(0, width - side + 1, 20):
                    window = region[top : top + side, left : left + side]
                    if window.std() < 20:
                        continue  # plain sky or background shows neither class
                    cells = window.reshape(32, scale, 32, scale, 3)
                    images.append(np.round(cells.mean(axis=(1, 3))).astype(np.uint8))
                    labels.append(label)
    order = np.random.default_rng(0).permutation(len(images))
    return np.stack(images)[order], np.array(labels, dtype=np.int64)[order]


# --- Command line ----------------------------------------------------------------------------


def _chosen(names: list[str]) -> list[RegistryFile]:
    """Return the entries that names of datasets or of files mean; no names mean everything."""
    files = registry_files()
    datasets = list(dict.fromkeys(entry.dataset for entry in files.values()))
    chosen = {}
    for name in names or datasets:
        if name not in (*datasets, *files):
            raise DataError(_unknown("dataset or file", name, [*datasets, *files]))
        for entry in files.values():
            if name in (entry.dataset, entry.name):
                chosen[entry.name] = entry
    return list(chosen.values())


def _list_command(arguments: argparse.Namespace) -> int:
    folder = cache_folder()
    print(f"Cache: {folder}")
    for entry in _chosen(arguments.names):
        state = "cached" if (folder / entry.name).is_file() else "not cached"
        sources = f"{len(entry.urls)} official" if entry.urls else "mirrors only"
        print(f"  {entry.name:36} {format_bytes(entry.size):>9}  {state:10}  {sources}")
    return 0


def _fetch_command(arguments: argparse.Namespace, folder: Path | None = None) -> int:
    """Fetch files into the cache, or into a folder laid out like a mirror; 1 if any failed."""
    failed = 0
    for entry in _chosen(arguments.names):
        failures = []
        found = _present(entry, folder) or _from_cache(entry, failures)
        if found and folder and not found[0].is_relative_to(folder):
            found = _copy_to(folder, entry, *found, failures)
        found = found or _from_mirror(entry, failures, folder)
        found = found or _from_official(entry, failures, folder)
        if found:
            print(f"{entry.name}: {found[1].text}")
        elif not entry.urls and entry.name not in arguments.names:
            print(f"{entry.name}: skipped; {MIRROR_ONLY}.")
        else:
            failed = 1
            print(f"{entry.name}: FAILED. {_because(failures or [MIRROR_ONLY])}.")
    return failed


def _mirror_command(arguments: argparse.Namespace) -> int:
    folder = Path(arguments.folder).expanduser().absolute()
    result = _fetch_command(arguments, folder)
    if result == 0:
        print(f"Complete. On the machines that shall use it: COURSE_DATA_MIRROR={folder}")
    return result


def _present(entry: RegistryFile, folder: Path | None) -> tuple[Path, Origin] | None:
    """Look for a file that an earlier `mirror FOLDER` has fetched."""
    if folder is None:
        return None
    path = folder / entry.name
    if path.is_file() and _is_right(path, entry):
        return path, Origin("cache", "There already.")
    return None


def _copy_to(
    folder: Path, entry: RegistryFile, path: Path, origin: Origin, failures: list[str]
) -> tuple[Path, Origin] | None:
    try:
        downloads.install(path, folder / entry.name, entry.sha256)
        return folder / entry.name, Origin(origin.kind, f"Copied from {path}.")
    except DownloadError as problem:
        failures.append(str(problem))
        return None


def _verify_command(arguments: argparse.Namespace) -> int:
    folder = cache_folder()
    print(f"Cache: {folder}")
    damaged = 0
    for entry in _chosen(arguments.names):
        path = folder / entry.name
        if not path.is_file():
            state = "not cached"
        elif downloads.sha256_of(path) == entry.sha256:
            state = "right"
        else:
            state = "DAMAGED: delete it, or load it and it will be fetched again"
            damaged = 1
        print(f"  {entry.name:36} {state}")
    return damaged


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m utils.data", description="The data files of the course."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, function, text in (
        ("list", _list_command, "show the files, their sizes and what the cache has"),
        ("fetch", _fetch_command, "fetch files into the cache"),
        ("mirror", _mirror_command, "fetch files into a folder that serves as a mirror"),
        ("verify", _verify_command, "check the sha256 of what the cache has"),
    ):
        command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
        command.set_defaults(function=function)
        if name == "mirror":
            command.add_argument("folder", help="made if missing; run again to continue")
        command.add_argument(
            "names", nargs="*", metavar="NAME", help="a dataset or a file (default: all)"
        )
    parsed = parser.parse_args(arguments)
    try:
        return parsed.function(parsed)
    except DataError as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
