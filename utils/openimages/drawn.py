"""Drawn cats and dogs: faces of random size, pose and colour before a random background.

Whatever does not tell cats from dogs is drawn alike for both: fur, eyes, markings, background,
clutter, light and noise. What does: ears (nine in ten cats have pointed ears, nine in ten dogs
hanging ones), muzzle, nose, whiskers, tongue. One in ten is only outlined.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]

SIDE = 160  # pixels of a picture
CANVAS = 2 * SIDE  # it is drawn twice as large, and reduced, so that edges are smooth
FURS = (
    (60, 50, 45),
    (120, 85, 55),
    (170, 125, 80),
    (205, 165, 115),
    (230, 210, 180),
    (150, 150, 150),
    (90, 90, 95),
    (240, 235, 225),
    (185, 105, 55),
)
IRISES = ((200, 180, 60), (120, 170, 90), (90, 60, 40), (110, 140, 190))
PINK, BLACK, WHITE = (215, 150, 150), (20, 15, 12), (240, 240, 235)
USUAL_EARS = 0.9  # share of cats with pointed ears, and of dogs with hanging ones
OUTLINED = 0.1


def draw(random: np.random.Generator, is_cat: bool) -> np.ndarray:
    """Draw one picture: (SIDE, SIDE, 3), uint8."""
    down = np.linspace(0, 1, CANVAS)[:, None, None]
    above, below = np.array(any_colour(random)), np.array(any_colour(random))
    background = np.broadcast_to(above * (1 - down) + below * down, (CANVAS, CANVAS, 3))
    image = Image.fromarray(background.astype(np.uint8))
    draw_clutter(random, image, int(random.integers(8, 20)), largest=0.22)

    radius = random.uniform(0.13, 0.25) * CANVAS
    centre = random.uniform(0.33, 0.67, 2) * CANVAS
    fur, marking = fur_colour(random), fur_colour(random)
    ink = any_colour(random) if random.random() < OUTLINED else None
    body = Pen(image, centre, radius, ink=ink)
    body.ellipse(random.uniform(-0.4, 0.4), 1.7, random.uniform(0.7, 1.1), 1.2, shade(fur, 0.9))
    tilt, width = random.normal(0, 0.7), random.uniform(0.8, 1.1)
    draw_face(random, Pen(image, centre, radius, tilt, width, ink), is_cat, fur, marking)
    draw_clutter(random, image, int(random.integers(1, 5)), largest=0.1)
    if random.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)

    pixels = np.asarray(image.reduce(CANVAS // SIDE), np.float64)
    light = 1 + random.uniform(-0.3, 0.3) * np.linspace(-1, 1, SIDE)[None, :, None]
    pixels = pixels * light * random.uniform(0.75, 1.15)
    pixels += random.normal(0, random.uniform(3, 14), pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


class Pen:
    """Draws in the coordinates of a face: its middle is (0, 0), its radius 1, y points down."""

    def __init__(
        self,
        image: Image.Image,
        centre: np.ndarray,
        radius: float,
        tilt: float = 0.0,
        width: float = 1.0,
        ink: Colour | None = None,
    ):
        cos, sin = np.cos(tilt), np.sin(tilt)
        self.canvas = ImageDraw.Draw(image)
        self.matrix = radius * np.array([[cos, -sin], [sin, cos]]) * (width, 1)
        self.centre, self.radius, self.ink = centre, radius, ink

    def polygon(self, points: np.ndarray | list, fill: Colour) -> None:
        """Fill a polygon; with ink, only draw its outline."""
        corners = self._places(points)
        if self.ink is None:
            self.canvas.polygon(corners, fill=fill)
        else:
            width = max(2, round(0.06 * self.radius))
            self.canvas.line([*corners, *corners[:2]], self.ink, width, joint="curve")

    def ellipse(
        self, x: float, y: float, a: float, b: float, fill: Colour, turn: float = 0.0
    ) -> None:
        """Fill an ellipse with half axes a and b."""
        angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        cos, sin = np.cos(turn), np.sin(turn)
        along, across = a * np.cos(angle), b * np.sin(angle)
        outline = np.stack([x + along * cos - across * sin, y + along * sin + across * cos], axis=1)
        self.polygon(outline, fill)

    def line(self, points: list, colour: Colour, width: float) -> None:
        """Draw a line through points."""
        self.canvas.line(self._places(points), colour, max(1, round(width * self.radius)))

    def _places(self, points: np.ndarray | list) -> list[tuple[float, float]]:
        return [tuple(p) for p in np.asarray(points, float) @ self.matrix.T + self.centre]


def draw_face(
    random: np.random.Generator, pen: Pen, is_cat: bool, fur: Colour, marking: Colour
) -> None:
    """Draw a face: ears, head, markings, eyes, muzzle."""
    ear = shade(fur, random.uniform(0.6, 1)) if random.random() < 0.6 else marking
    pointed = is_cat if random.random() < USUAL_EARS else not is_cat
    if pointed:
        inside = PINK if random.random() < 0.6 else shade(ear, 0.7)
        draw_pointed_ears(random, pen, ear, inside)
    pen.ellipse(0, 0, random.uniform(0.92, 1.05), random.uniform(0.82, 1), fur)
    for _ in range(int(random.integers(2, 5)) if random.random() < 0.5 else 0):
        (x, y), (a, b) = random.uniform((-0.6, -0.7), (0.6, 0.2)), random.uniform(0.1, 0.3, 2)
        pen.ellipse(x, y, a, b, marking)
    if not pointed:
        draw_hanging_ears(random, pen, ear)
    draw_eyes(random, pen)
    pale = shade(fur, 0.5, 125) if random.random() < 0.7 else fur
    (draw_cat_muzzle if is_cat else draw_dog_muzzle)(random, pen, fur, pale)


def draw_pointed_ears(random: np.random.Generator, pen: Pen, ear: Colour, inside: Colour) -> None:
    """Draw two triangles on top of the head."""
    for side in (-1, 1):
        angle, length, width = (
            random.uniform(*r) for r in ((0.5, 0.85), (1.45, 1.85), (0.36, 0.5))
        )
        out = np.array([side * np.sin(angle), -np.cos(angle)])
        across = width * np.array([-out[1], out[0]])
        pen.polygon([out * length, 0.55 * out + across, 0.55 * out - across], ear)
        small = [out * (length - 0.22), 0.75 * out + 0.55 * across, 0.75 * out - 0.55 * across]
        pen.polygon(small, inside)


def draw_hanging_ears(random: np.random.Generator, pen: Pen, ear: Colour) -> None:
    """Draw two long ellipses at the sides of the head."""
    for side in (-1, 1):
        x, y = side * random.uniform(0.92, 1.08), random.uniform(-0.1, 0.2)
        half_width, half_length = random.uniform(0.25, 0.36), random.uniform(0.55, 0.8)
        pen.ellipse(x, y, half_width, half_length, ear, turn=-side * random.uniform(-0.1, 0.5))


def draw_eyes(random: np.random.Generator, pen: Pen) -> None:
    """Draw two eyes: slit pupils or round ones, for cats as often as for dogs."""
    slit, iris = random.random() < 0.5, IRISES[random.integers(len(IRISES))]
    white = WHITE if random.random() < 0.5 else iris
    apart, y, size = (
        random.uniform(0.36, 0.46),
        random.uniform(-0.25, -0.1),
        random.uniform(0.13, 0.19),
    )
    for side in (-1, 1):
        if slit:
            pen.ellipse(side * apart, y, 1.25 * size, 0.85 * size, iris, turn=-0.25 * side)
            pen.ellipse(side * apart, y, 0.28 * size, 0.78 * size, BLACK)
        else:
            pen.ellipse(side * apart, y, size, size, white)
            pen.ellipse(side * apart, y, 0.7 * size, 0.7 * size, BLACK)


def draw_cat_muzzle(random: np.random.Generator, pen: Pen, fur: Colour, pale: Colour) -> None:
    """Draw two small cheeks, a small pointed nose, and whiskers."""
    dark, whisker = shade(fur, 0.72), WHITE if sum(fur) < 420 else (70, 70, 70)
    for side in (-1, 1):
        pen.ellipse(side * 0.17, 0.38, 0.22, 0.17, pale)
    nose = (200, 110, 115) if random.random() < 0.6 else (40, 30, 30)
    pen.polygon([(-0.11, 0.2), (0.11, 0.2), (0, 0.33)], nose)
    for side in (-1, 1):
        pen.line([(0, 0.33), (0, 0.45), (side * 0.15, 0.52)], dark, 0.03)
        for slope in (-0.1, 0, 0.1):
            end = side * random.uniform(0.95, 1.2), 0.38 + 2 * slope + random.uniform(-0.05, 0.05)
            pen.line([(side * 0.3, 0.38 + 0.5 * slope), end], whisker, 0.02)


def draw_dog_muzzle(random: np.random.Generator, pen: Pen, fur: Colour, pale: Colour) -> None:
    """Draw one large muzzle, a broad nose, and sometimes a tongue."""
    dark = shade(fur, 0.72)
    pen.ellipse(0, 0.42, random.uniform(0.38, 0.5), random.uniform(0.34, 0.44), pale)
    if random.random() < 0.4:
        pen.ellipse(0, 0.82, 0.14, 0.24, (205, 95, 105))
    pen.ellipse(0, 0.24, 0.2, 0.14, (30, 25, 25))
    for side in (-1, 1):
        pen.line([(0, 0.3), (0, 0.6), (side * 0.2, 0.66)], dark, 0.035)


def draw_clutter(
    random: np.random.Generator, image: Image.Image, count: int, largest: float
) -> None:
    """Draw things that mean nothing: ellipses, triangles, rectangles and bent lines."""
    canvas = ImageDraw.Draw(image)
    for _ in range(count):
        colour = fur_colour(random) if random.random() < 0.5 else any_colour(random)
        (x, y), size = random.uniform(0, CANVAS, 2), random.uniform(0.05, largest) * CANVAS
        points = random.uniform(-size, size, (3, 2))
        flat = random.uniform(0.4, 1)
        box = [x - size, y - size * flat, x + size, y + size * 0.6]
        kind = random.integers(4)
        if kind == 0:
            canvas.ellipse(box, fill=colour)
        elif kind == 1:
            canvas.rectangle(box, fill=colour)
        elif kind == 2:
            canvas.polygon([tuple(p) for p in 1.4 * points + (x, y)], fill=colour)
        else:
            places = [tuple(p) for p in 2 * points + (x, y)]
            canvas.line(places, colour, int(random.integers(1, 7)))


def any_colour(random: np.random.Generator) -> Colour:
    """Return any colour that is neither black nor white."""
    return tuple(int(v) for v in random.integers(30, 235, 3))


def fur_colour(random: np.random.Generator) -> Colour:
    """Return a colour that fur can have."""
    return shade(FURS[random.integers(len(FURS))], 1, random.normal(0, 14, 3))


def shade(colour: Colour, factor: float, plus: float | np.ndarray = 0) -> Colour:
    """Return a colour times a factor, plus something."""
    return tuple(int(v) for v in np.clip(np.array(colour) * factor + plus, 0, 255))
