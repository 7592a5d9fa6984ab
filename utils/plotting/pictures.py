"""Show the course's hand-drawn pictures, in Jupyter, in Colab, on executed pages and on the site.

They are SVGs in notebooks/images. They are put into the page itself, so that they need no network
and take the page's text colour (`currentColor`), in light and dark mode.
"""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "notebooks" / "images"


def picture(name: str) -> None:
    """Display a picture of notebooks/images.

    Args:
        name: Its file name without the ending, such as "02_convolution".

    Raises:
        FileNotFoundError: There is no such picture; the message lists those of the same lesson.
    """
    from IPython.display import display

    path = FOLDER / f"{name}.svg"
    if not path.is_file():
        others = ", ".join(sorted(other.stem for other in FOLDER.glob(f"{name[:2]}*.svg")))
        raise FileNotFoundError(f"There is no picture {path}. Of this lesson: {others or 'none'}.")
    drawing = path.read_text(encoding="utf-8")
    title = drawing.partition("<title>")[2].partition("</title>")[0]
    page = f'<figure style="margin: 1em 0; max-width: 46em">{drawing}</figure>'
    display({"text/html": page, "text/plain": f"Picture: {title}"}, raw=True)
