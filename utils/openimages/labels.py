"""Which photos show what: class names, human-verified labels, authors and licences."""

import difflib
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from utils.data.fetching import network, places, sources
from utils.data.fetching.sources import Reason
from utils.openimages import tables
from utils.openimages.hosts import GOOGLE

DESCRIPTIONS = "openimages/v7/oidv7-class-descriptions.csv"
LABELS = "openimages/v7/oidv7-{}-annotations-human-imagelabels.csv"
PHOTOS = "openimages/2018_04/{0}/{0}-images-with-rotation.csv"
# The photos of the training part that the host has, and more of it is not needed.
TRAIN_PHOTOS = "openimages/2018_04/train/train-images-boxable-with-rotation.csv"
PARTS = ("validation", "test", "train")  # of Open Images, in the order in which they are used
LABEL_COLUMNS = ("ImageID", "LabelName", "Confidence")
PHOTO_COLUMNS = ("ImageID", "OriginalLandingURL", "License", "Author", "Title")
# One in five labelled photos of the training part is at the host. So many candidates for each
# photo that is wanted are plenty, and most classes have them long before the table's end.
TRAIN_CANDIDATES = 16


@dataclass(frozen=True)
class Category:
    """A class: its name for people, and its label in Open Images, such as `/m/06m11`."""

    name: str
    label: str


@dataclass(frozen=True)
class Candidate:
    """A photo that a person has verified to show its class, and none of the others."""

    image_id: str
    part: str
    about: dict[str, str] = field(compare=False, repr=False)


# --- Classes ---------------------------------------------------------------------------------


def find_categories(
    classes: Iterable[str], failures: list[Reason], progress: bool = True
) -> list[Category] | None:
    """Return the classes that names or labels mean; None if no source has their list.

    Raises:
        ValueError: a name is unknown or stands for several classes, or two are the same.
    """
    rows = tables.read_table(
        DESCRIPTIONS, ("LabelName", "DisplayName"), tables.every_line, "all", failures, progress
    )
    if rows is None:
        return None
    names = {row["LabelName"].strip(): row["DisplayName"].strip() for row in rows}
    found = [_category(wish.strip(), names) for wish in classes]
    for category, count in Counter(found).items():
        if count > 1:
            raise ValueError(
                f"{category.name!r} ({category.label}) is among the classes {count} times. "
                "Each class must be another one."
            )
    return found


def _category(wish: str, names: dict[str, str]) -> Category:
    if wish in names:
        return Category(names[wish], wish)
    exact = [label for label, name in names.items() if name == wish]
    matches = exact or [label for label, name in names.items() if name.lower() == wish.lower()]
    if len(matches) == 1:
        return Category(names[matches[0]], matches[0])
    if matches:
        listed = " or ".join(f'"{label}"' for label in sorted(matches))
        raise ValueError(
            f"{wish!r} is the name of {len(matches)} classes of Open Images. Say which one by "
            f"its label instead of the name: {listed}. What they show can be seen at "
            "https://storage.googleapis.com/openimages/web/visualizer/index.html."
        )
    known = {name.lower(): name for name in names.values()}
    close = difflib.get_close_matches(wish.lower(), known, n=4, cutoff=0.6)
    holding = sorted((name for name in known if wish.lower() in name and wish), key=len)
    near = list(dict.fromkeys([*close, *holding[:4]]))[:5]
    meant = " or ".join(repr(known[name]) for name in near)
    hint = f" Did you mean {meant}?" if meant else ""
    raise ValueError(
        f"Open Images has no class {wish!r}.{hint} All {len(names):,} classes are listed in "
        f"{GOOGLE}/{DESCRIPTIONS}."
    )


# --- Candidates ------------------------------------------------------------------------------


@dataclass
class Found:
    """The candidates of one part of Open Images, and why others are none.

    Attributes:
        candidates: one list for each class, in the order in which they are to be used. Those
            without an entry in the table of authors and licences come last.
        counts: `both` photos have more than one of the classes, `disputed` photos are both
            verified present and verified absent.
        attributed: whether there is such a table at all.
        cut: whether the labels were not read to their end.
    """

    candidates: list[list[Candidate]]
    counts: Counter = field(default_factory=Counter)
    attributed: bool = True
    cut: bool = False


def find_candidates(
    part: str,
    categories: list[Category],
    needed: int | None,
    seed: int,
    failures: list[Reason],
    progress: bool = True,
) -> Found | None:
    """Return the candidates of a part in their seeded order; None if no source has its labels.

    Of the training part, the labels are read until there are plenty for `needed` photos of each
    class (None: to their end).

    Raises NoSourceError where a source has them but fails: without them another set would come
    out.
    """
    labels = [category.label for category in categories]
    enough = None
    if part == "train" and needed is not None:
        # A power of two, so that similar calls share a cached result.
        enough = 1 << (TRAIN_CANDIDATES * needed - 1).bit_length()
    rows = _read(
        labels_path(part),
        LABEL_COLUMNS,
        _label_lines(labels, enough),
        [sorted(labels), enough],
        failures,
        progress,
    )
    if rows is None:
        return None
    ids, counts = _verified(rows, labels)
    wanted = sorted(set().union(*ids))
    about = _about(part, wanted, failures, progress)
    present = Counter(row["LabelName"] for row in rows if _is_present(row["Confidence"]))
    cut = enough is not None and all(present[label] >= enough for label in labels)
    found = Found([], counts, attributed=about is not None, cut=cut)
    for names in ids:
        known = about or {}
        if about is not None and part == "train":
            names = [name for name in names if name in about]  # the host has no others
        order = sorted(
            names, key=lambda name: (name not in known, in_order(seed, "candidate", name))
        )
        found.candidates.append([Candidate(name, part, known.get(name, {})) for name in order])
    return found


def labels_path(part: str) -> str:
    """Return the path of a part's label table."""
    return LABELS.format({"validation": "val"}.get(part, part))


def photos_path(part: str) -> str:
    """Return the path of a part's table of authors and licences."""
    return TRAIN_PHOTOS if part == "train" else PHOTOS.format(part)


def _read(path: str, *arguments) -> list[dict[str, str]] | None:
    """Like `tables.read_table`, but None only if there really is no such table to be had."""
    *_, failures, _ = arguments
    before = len(failures)
    rows = tables.read_table(path, *arguments)
    harmless = {tables.NOT_THERE, sources.NOT_IN_MIRROR, places.NO_SUCH_MIRROR}
    harmless |= {short for reason in network.OBSTACLES for short in (reason, f"mirror: {reason}")}
    if rows is None and any(failure.short not in harmless for failure in failures[before:]):
        raise tables.no_source(path, failures[before:])
    return rows


def in_order(*what: object) -> bytes:
    """A sort key for a random order that is the same on every machine.

    Where a photo comes in it depends on the photo and the seed alone, not on the other photos.
    """
    return hashlib.sha256(":".join(map(str, what)).encode()).digest()


def _label_lines(labels: list[str], enough: int | None) -> tables.Keep:
    """Keep the lines of some labels; stop where each has `enough` photos (None: read it all)."""
    keep = tables.lines_that_hold(labels)
    if enough is None:
        return keep

    def until_enough(text: tables.Blocks) -> Iterator[bytes]:
        # The lines are sorted by photo, so all lines of a photo stand together.
        counts, last = Counter(), b""
        for line in keep(text):
            fields = [value.strip(b' "') for value in line.split(b",")]
            if fields[0] != last and all(counts[name.encode()] >= enough for name in labels):
                return
            last = fields[0]
            counts[fields[-2] if len(fields) > 1 else b""] += fields[-1].startswith(b"1")
            yield line

    return until_enough


def _verified(rows: list[dict[str, str]], labels: list[str]) -> tuple[list[set[str]], Counter]:
    """Return the photos that show one class and no other, and counts of those that do not."""
    present, absent = defaultdict(set), defaultdict(set)
    for row in rows:
        if row["LabelName"] in labels:
            shows = _is_present(row["Confidence"])
            (present if shows else absent)[row["LabelName"]].add(row["ImageID"])
    counts, ids = Counter(), []
    shown = Counter(name for label in labels for name in present[label])
    counts["both"] = sum(count > 1 for count in shown.values())
    for label in labels:
        single = {name for name in present[label] if shown[name] == 1}
        disputed = single & absent[label]
        counts["disputed"] += len(disputed)
        ids.append(single - disputed)
    return ids, counts


def _is_present(confidence: str) -> bool:
    """Tell 1 and 1.0 (verified present) from 0 and 0.0 (verified absent)."""
    try:
        return float(confidence) >= 0.5
    except ValueError:
        return False


def _about(
    part: str, ids: list[str], failures: list[Reason], progress: bool
) -> dict[str, dict[str, str]] | None:
    """Return author, licence and the like of photos: id -> row; None if no source has them."""
    digest = hashlib.sha256("".join(ids).encode()).hexdigest()
    keep: Callable = tables.lines_that_begin_with(ids)
    rows = _read(photos_path(part), PHOTO_COLUMNS, keep, digest, failures, progress)
    return None if rows is None else {row["ImageID"]: row for row in rows}
