"""The command line `python -m utils.openimages`: download a set of photos."""

import argparse
import sys

from utils import openimages
from utils.common.errors import DataError
from utils.data.fetching.download import DownloadError
from utils.openimages.mirror import write_mirror


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m utils.openimages",
        description="Download photos of two or more classes from Google Open Images V7.",
        epilog="Example: python -m utils.openimages Rose Sunflower --per-class 600",
    )
    parser.add_argument(
        "classes", nargs="+", metavar="CLASS", help="a display name, or a label such as /m/06m11"
    )
    parser.add_argument("--per-class", type=int, help="photos of each class (default: 600)")
    parser.add_argument(
        "--split",
        type=int,
        nargs=3,
        metavar=("TRAINING", "VALIDATION", "TEST"),
        help="photos of each class in the splits (default: two thirds, one sixth, one sixth)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="which photos, which split (default: 1)"
    )
    parser.add_argument("--folder", help="a new or empty folder (default: in the cache)")
    parser.add_argument("--longest-side", type=int, metavar="PIXELS", help="scale photos down")
    parser.add_argument("--connections", type=int, default=32, help="at a time (default: 32)")
    parser.add_argument(
        "--mirror", metavar="FOLDER", help="also make a mirror of the set there, for a lab"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parsed = parser.parse_args(arguments)
    mirror = None
    try:
        photos = openimages.download(
            parsed.classes,
            parsed.per_class,
            parsed.split,
            parsed.seed,
            parsed.folder,
            parsed.longest_side,
            parsed.connections,
            progress=not parsed.quiet,
            sample=False,
        )
        if parsed.mirror:
            mirror = write_mirror(photos, parsed.mirror, progress=not parsed.quiet)
    except (DataError, DownloadError, ValueError, TypeError) as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted. What has arrived is kept; the next call continues there.")
        return 130
    print(photos.summary)
    print(f"In {photos.folder}")
    if mirror:
        print(f"Mirror complete. On the machines that shall use it: COURSE_DATA_MIRROR={mirror}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
