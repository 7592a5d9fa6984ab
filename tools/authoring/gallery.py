"""Make one picture of every lesson, small enough to be committed: make gallery.

    python -m tools.authoring.gallery [NAME ...] [--notebooks FOLDER]

The pictures come from executed notebooks (build/notebooks, after `make run`) and go to
notebooks/images. README.md and the site show them.
"""

import argparse
import base64
import io
import json
import pathlib
import re
import sys
import typing

from tools.authoring import address

ROOT = address.ROOT
FOLDER = ROOT / "notebooks" / "images"
SIZE = (640, 320)
MOST_BYTES = 40_000


class Picture(typing.NamedTuple):
    """The figure that stands for a lesson: the first, second … of a section."""

    section: str
    number: int
    alt: str


# Pictures with photos in them are left out, unless the picture itself names the photographer.
PICTURES = {
    "00_hello_colab": Picture(
        "Two knobs, turned by gradient descent",
        1,
        "Gradient descent on a map of the loss, and the line that swings into place",
    ),
    "01_mnist_dense_vs_cnn": Picture(
        "Move the digits",
        2,
        "Accuracy of three networks on digits that move aside: two lose their way, one holds",
    ),
    "02_convolution_arithmetic": Picture(
        "Nine numbers that everybody knows",
        1,
        "A photo of a pavilion, blurred, sharpened, and reduced to its edges by small filters",
    ),
    "02b_what_networks_cost": Picture(
        "The zoo",
        1,
        "Accuracy of famous networks against their multiplications and their parameters",
    ),
    "03_activation_maps": Picture(
        "The filters", 1, "Ninety-six filters of a network: edges, stripes and spots of colour"
    ),
    "03b_turn_it_round": Picture(
        "The ideal picture of a class",
        1,
        "What a network takes for the ideal cat, dog, airliner, goldfish and strawberry",
    ),
    "04_transfer_learning_open_images": Picture(
        "How many photos does it take?",
        1,
        "Accuracy against the number of photos, for a borrowed network and one from scratch",
    ),
    "05_time_series_windows": Picture(
        "Several streams into mini-batches",
        2,
        "Tables of numbers that show how several streams are cut into mini-batches",
    ),
    "05b_forecast_and_recognise": Picture(
        "The test years, opened once",
        1,
        "Forecasts of carbon dioxide by a rule, a linear map and networks, over the real curve",
    ),
    "06_recurrent_from_scratch": Picture(
        "The measurement", 1, "Gradients on their way back through forty steps, and their bounds"
    ),
    "06b_gates_and_wirings": Picture(
        "Watch the gates", 1, "How far the gates of an LSTM open at every step, and at three flags"
    ),
    "07_lstm_text": Picture(
        "What is in its memory?",
        1,
        "A passage coloured by a cell that follows the place in the line",
    ),
    "07b_learning_by_heart": Picture(
        "The contest",
        1,
        "Best validation and the end of training with four remedies and none, three seeds each",
    ),
    "08_residual_xor": Picture(
        "The residual layer",
        1,
        "Points of a plane after 0 to 100 plain layers, and after as many residual ones",
    ),
    "09_wavenet": Picture(
        "Five ways to choose",
        1,
        "Spectrograms of the word seven: a recording, and a network's, chosen in five ways",
    ),
    "09b_fast_wavenet": Picture(
        "Say seven",
        1,
        "Spectrograms of the word seven by three speakers: recordings, and WaveNet below",
    ),
    "10_word_vectors": Picture(
        "Arithmetic, section by section",
        1,
        "Analogies of GloVe by section: with arithmetic, with the inputs allowed, and with one "
        "word only",
    ),
    "11_attention_translation": Picture(
        "Does it look where it should?",
        1,
        "Where a translator looks when it writes a number in German, beside what belongs together",
    ),
    "11b_english_to_hungarian": Picture(
        "Where does it look?",
        1,
        "Where a translator looks as it writes a Hungarian sentence, piece by piece",
    ),
    "12_transformer": Picture(
        "It learns to reverse a row",
        1,
        "How each of sixteen places looks at its mirror image, in a network that turns rows round",
    ),
    "12b_language_model": Picture(
        "Too cold, too hot",
        1,
        "Repetition and invented words of a small language model, by temperature",
    ),
    "13_autoencoder_vae": Picture(
        "A plane one walks in",
        1,
        "Digits as points of a plane, what a decoder draws at each place, and a walk from 0 to 1",
    ),
    "13b_smile_vector": Picture(
        "What is the network good for?",
        1,
        "Six drawn faces, and their smiles by pixels, by PCA and by a VAE, above the right answer",
    ),
    "14_gan": Picture(
        "Eight clusters",
        1,
        "Generated samples on a ring of eight clusters: all are found against an equal opponent, "
        "hardly any against a slow one",
    ),
    "14b_diffusion": Picture(
        "Digits out of noise",
        3,
        "Digits that come out of pure noise, in five stages",
    ),
    "22_scaling_out": Picture(
        "Large batches",
        1,
        "Validation loss by epoch: a small batch, a large one, and one with the linear rule",
    ),
}


class NoPicture(Exception):
    """A lesson that does not have the figure named in the table."""


def figures(notebook: dict, section: str) -> list[bytes]:
    """Return the PNG figures below a heading of an executed notebook."""
    found, current = [], None
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            headings = re.findall(r"(?m)^#{1,6}\s+(.+?)\s*$", "".join(cell["source"]))
            current = headings[-1] if headings else current
        elif current == section:
            data = [output.get("data", {}).get("image/png") for output in cell.get("outputs", [])]
            found += [base64.b64decode("".join(each)) for each in data if each]
    return found


def tile(png: bytes) -> bytes:
    """Return a figure as a WebP of size `SIZE`, on white, below `MOST_BYTES`."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        drawn = image.convert("RGBA")
    flat = Image.new("RGBA", drawn.size, "white")
    flat.alpha_composite(drawn)
    width, height = SIZE
    scale = min((width - 16) / flat.width, (height - 16) / flat.height)
    small = flat.convert("RGB").resize(
        (round(flat.width * scale), round(flat.height * scale)), Image.Resampling.LANCZOS
    )
    canvas = Image.new("RGB", SIZE, "white")
    canvas.paste(small, ((width - small.width) // 2, (height - small.height) // 2))
    for quality in range(90, 0, -10):
        file = io.BytesIO()
        canvas.save(file, "WEBP", quality=quality, method=6)
        if len(file.getvalue()) <= MOST_BYTES:
            return file.getvalue()
    raise NoPicture(f"cannot be stored in {MOST_BYTES} bytes")


def picture(name: str, executed: str | pathlib.Path) -> bytes:
    """Return the tile of a lesson, from its executed notebook.

    Raises:
        NoPicture: The lesson is not in the table, not executed, or has no such figure.
    """
    if name not in PICTURES:
        raise NoPicture("has no picture in tools/authoring/gallery.py; add a line to PICTURES")
    path = pathlib.Path(executed) / f"{name}.ipynb"
    if not path.is_file():
        lesson = name.partition("_")[0]
        raise NoPicture(f"is not executed ({path} is not there); make run ONLY={lesson}")
    section, number, _ = PICTURES[name]
    found = figures(json.loads(path.read_text(encoding="utf-8")), section)
    if len(found) < number:
        raise NoPicture(f"has {len(found)} figures in the section {section!r}, not {number}")
    return tile(found[number - 1])


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 1 if a picture could not be made."""
    parser = argparse.ArgumentParser(prog="make gallery", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="01, or a name; default: all")
    parser.add_argument("--notebooks", default=ROOT / "build" / "notebooks", metavar="FOLDER")
    options = parser.parse_args(arguments)
    lessons = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    chosen = [
        n for n in lessons if not options.names or {n, n.partition("_")[0]} & set(options.names)
    ]
    if not chosen:
        print(f"No lesson matches {' '.join(options.names)}.", file=sys.stderr)
        return 2
    FOLDER.mkdir(exist_ok=True)
    status = 0
    for name in chosen:
        try:
            data = picture(name, options.notebooks)
        except NoPicture as problem:
            print(f"{name} {problem}", file=sys.stderr)
            status = 1
            continue
        (FOLDER / f"{name}.webp").write_bytes(data)
        print(f"{name}.webp  {len(data) / 1000:.0f} kB")
    return status


if __name__ == "__main__":
    sys.exit(main())
