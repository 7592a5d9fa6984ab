"""Which photos show what: class names, human-verified labels, authors and licences."""

import difflib
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from utils.openimages import tables
from utils.openimages.hosts import GOOGLE

DESCRIPTIONS = "openimages/v7/oidv7-class-descriptions.csv"
LABELS = "openimages/v7/oidv7-{}-annotations-human-imagelabels.csv"
PHOTOS = "openimages/2018_04/{0}/{0}-images-with-rotation.csv"
# The table of those photos of the train part that the host has.
TRAIN_PHOTOS = "openimages/2018_04/train/train-images-boxable-with-rotation.csv"
TRAIN_CANDIDATES = 16  # for each photo that is wanted, of the train part
PARTS = ("validation", "test", "train")  # of Open Images, in the order in which they are used
LABEL_COLUMNS = ("ImageID", "LabelName", "Confidence")
PHOTO_COLUMNS = ("ImageID", "OriginalLandingURL", "License", "Author", "Title")


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


def find_categories(classes: Iterable[str], progress: bool = True) -> tuple[Category, ...]:
    """Return the classes that names or labels mean.

    Raises:
        ValueError: A name is unknown or stands for several classes, or two are the same.
        NoSourceError: No source has the list of classes.
    """
    columns = ("LabelName", "DisplayName")
    rows = tables.read_table(DESCRIPTIONS, columns, tables.every_line, "all", progress)
    names = {row["LabelName"].strip(): row["DisplayName"].strip() for row in rows}
    categories = tuple(_category(asked, names) for asked in classes)
    for category, count in Counter(categories).items():
        if count > 1:
            raise ValueError(
                f"{category.name!r} ({category.label}) is among the classes {count} times. "
                "Name each class once."
            )
    return categories


def _category(asked: str, names: dict[str, str]) -> Category:
    """Return the class of a label or a name; `names` maps all labels to names."""
    if asked in names:
        return Category(names[asked], asked)
    exact = [label for label, name in names.items() if name == asked]
    matches = exact or [label for label, name in names.items() if name.lower() == asked.lower()]
    if len(matches) == 1:
        return Category(names[matches[0]], matches[0])
    if matches:
        listed = " or ".join(f'"{label}"' for label in sorted(matches))
        raise ValueError(
            f"{asked!r} is the name of {len(matches)} classes of Open Images. Give the label "
            f"instead of the name: {listed}. What they show can be seen at "
            "https://storage.googleapis.com/openimages/web/visualizer/index.html."
        )
    known = {name.lower(): name for name in names.values()}
    close = difflib.get_close_matches(asked.lower(), known, n=4, cutoff=0.6)
    longer = sorted((name for name in known if asked.lower() in name), key=len)
    near = list(dict.fromkeys([*close, *longer[:4]]))[:5]
    hint = f" Did you mean {' or '.join(repr(known[name]) for name in near)}?" if near else ""
    raise ValueError(
        f"Open Images has no class {asked!r}.{hint} All {len(names):,} classes are listed in "
        f"{GOOGLE}/{DESCRIPTIONS}."
    )


# --- Candidates ------------------------------------------------------------------------------


def labels_path(part: str) -> str:
    """Return the path of a part's label table."""
    return LABELS.format({"validation": "val"}.get(part, part))


def photos_path(part: str) -> str:
    """Return the path of a part's table of authors and licences."""
    return TRAIN_PHOTOS if part == "train" else PHOTOS.format(part)


def in_order(*values: object) -> bytes:
    """Return a sort key for a random order that is the same on every machine.

    Where a photo comes depends on the photo and the seed alone, not on the other photos.
    """
    return hashlib.sha256(":".join(map(str, values)).encode()).digest()


def find_candidates(
    part: str, labels: list[str], seed: int, progress: bool = True, enough: int | None = None
) -> tuple[list[list[Candidate]], Counter, bool]:
    """Find the photos of a part of Open Images that show one class each.

    Args:
        part: One of `PARTS`.
        labels: The labels of the classes.
        seed: Decides the order.
        progress: Show a bar.
        enough: Stop reading where each class has so many photos; None reads the table to its end.

    Returns:
        candidates: One list for each label, in the seeded order; photos without an entry in the
            table of authors and licences come last.
        counts: `both` photos have more than one of the classes, `disputed` photos are verified
            to show a class and also not to show it; neither are candidates.
        is_cut: Whether reading stopped before the end.

    Raises:
        NoSourceError: No source has the part's labels, or one has its tables but fails.
    """
    keep, selection = _until_enough(labels, enough), [sorted(labels), enough]
    rows = tables.read_table(labels_path(part), LABEL_COLUMNS, keep, selection, progress)
    present = Counter(row["LabelName"] for row in rows if row["Confidence"] in ("1", "1.0"))
    is_cut = enough is not None and all(present[label] >= enough for label in labels)
    ids, counts = _verified(rows, labels)
    listed = sorted(set().union(*ids))
    keep = tables.lines_that_begin_with(listed)
    digest = hashlib.sha256("".join(listed).encode()).hexdigest()
    try:
        rows = tables.read_table(photos_path(part), PHOTO_COLUMNS, keep, digest, progress)
        about = {row["ImageID"]: row for row in rows}
        if part == "train":
            ids = [names & set(about) for names in ids]  # the host has no others
    except tables.NoSourceError as problem:
        if problem.is_fault:
            raise  # with the table, other photos would be taken
        print(
            f"No source has the table of authors and licences for the {part} part of Open "
            "Images, so those columns stay empty."
        )
        about = {}

    def rank(name: str) -> tuple[bool, bytes]:
        return name not in about, in_order(seed, "candidate", name)

    candidates = [
        [Candidate(name, part, about.get(name, {})) for name in sorted(names, key=rank)]
        for names in ids
    ]
    return candidates, counts, is_cut


def plenty_for(photos: int) -> int:
    """Return how many photos of a class to read of the train part's labels.

    A power of two, so that similar calls share a cached result.
    """
    return 1 << (TRAIN_CANDIDATES * photos - 1).bit_length()


def _until_enough(labels, enough):
    """Keep the lines of some labels, until each has `enough` photos (None: all lines)."""
    keep = tables.lines_that_hold(labels)
    if enough is None:
        return keep

    def until_enough(text):
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
    """Return, for each label, the photos that show it and no other; and the counts."""
    present, absent = defaultdict(set), defaultdict(set)
    for row in rows:
        ids = present if row["Confidence"] in ("1", "1.0") else absent
        ids[row["LabelName"]].add(row["ImageID"])
    shown = Counter(image_id for label in labels for image_id in present[label])
    counts, single = Counter(both=sum(count > 1 for count in shown.values())), []
    for label in labels:
        ids = {image_id for image_id in present[label] if shown[image_id] == 1}
        counts["disputed"] += len(ids & absent[label])
        single.append(ids - absent[label])
    return single, counts
