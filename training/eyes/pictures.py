"""Pictures with questions about them, drawn from a seed alone: shapes, colours, counts, places and digits."""
import math
import random

import numpy
from PIL import Image, ImageDraw, ImageFont

SIDE = 256
COLOURS = {
    "red": (214, 40, 40),
    "green": (40, 150, 60),
    "blue": (40, 70, 210),
    "yellow": (240, 215, 40),
    "purple": (130, 50, 160),
    "orange": (245, 140, 30),
    "black": (25, 25, 25),
}
SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
NUMBERS = ("1", "2", "3", "4", "5")
ACROSS, DOWN = ("left", "right"), ("top", "bottom")
# Every answer that a task has; what chance and the majority are counted over.
ANSWERS = {
    "shape": SHAPES,
    "colour": tuple(COLOURS),
    "count": NUMBERS,
    "digit": tuple("0123456789"),
    "across": ACROSS,
    "down": DOWN,
    "colour of a side": tuple(COLOURS),
    "shape of a side": SHAPES,
    "colour of a shape": tuple(COLOURS),
}
WORDINGS = {
    "shape": ("What shape is it?", "Which shape is shown?", "What shape do you see?", "Name the shape."),
    "colour": ("What colour is it?", "What color is it?", "Which colour is the shape?", "Name the colour."),
    "count": ("How many shapes are there?", "How many do you see?", "Count the shapes.", "How many are there?"),
    "digit": ("Which digit is shown?", "What digit is it?", "What number do you see?", "Read the digit."),
    "across": ("Is it on the left or on the right?", "Left or right?", "On which side is it, left or right?"),
    "down": ("Is it at the top or at the bottom?", "Top or bottom?", "Where is it, top or bottom?"),
    "colour of a side": ("What colour is the shape on the {side}?", "What color is the one on the {side}?"),
    "shape of a side": ("What shape is on the {side}?", "Which shape do you see on the {side}?"),
    "colour of a shape": ("What colour is the {shape}?", "What color is the {shape}?"),
}


def polygon(x, y, radii, corners, turn):
    return [
        (x + r * math.sin(turn + 2 * math.pi * i / corners), y - r * math.cos(turn + 2 * math.pi * i / corners))
        for i, r in zip(range(corners), radii)
    ]


def draw_shape(draw, shape, x, y, r, colour, turn):
    if shape == "circle":
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    elif shape == "ring":
        draw.ellipse((x - r, y - r, x + r, y + r), outline=colour, width=max(3, round(r * 0.35)))
    elif shape == "square":
        draw.polygon(polygon(x, y, [r * 1.2] * 4, 4, math.pi / 4 + turn), fill=colour)
    elif shape == "triangle":
        draw.polygon(polygon(x, y, [r * 1.2] * 3, 3, turn), fill=colour)
    elif shape == "star":
        draw.polygon(polygon(x, y, [r * 1.2, r * 0.5] * 5, 10, turn), fill=colour)
    else:
        for way in (0, math.pi / 2):
            draw.polygon(
                [
                    (x + a * math.cos(turn + way) - b * math.sin(turn + way),
                     y + a * math.sin(turn + way) + b * math.cos(turn + way))
                    for a, b in ((-r * 1.1, -r * 0.3), (r * 1.1, -r * 0.3), (r * 1.1, r * 0.3), (-r * 1.1, r * 0.3))
                ],
                fill=colour,
            )


def shade(colour, rng):
    return tuple(max(0, min(255, c + rng.randint(-15, 15))) for c in COLOURS[colour])


def ask(task, rng, answer, **names):
    return task, rng.choice(WORDINGS[task]).format(**names), answer


def one(draw, rng):
    shape, colour = rng.choice(SHAPES), rng.choice(list(COLOURS))
    across, down = rng.randrange(2), rng.randrange(2)
    r = rng.randint(18, 48)
    x = SIDE * (0.29 + 0.42 * across) + rng.uniform(-14, 14)
    y = SIDE * (0.29 + 0.42 * down) + rng.uniform(-14, 14)
    draw_shape(draw, shape, x, y, r, shade(colour, rng), rng.uniform(-0.25, 0.25))
    return [
        ask("shape", rng, shape),
        ask("colour", rng, colour),
        ask("across", rng, ACROSS[across]),
        ask("down", rng, DOWN[down]),
    ]


def several(draw, rng):
    count, shape, colour = rng.randint(1, 5), rng.choice(SHAPES), rng.choice(list(COLOURS))
    places = []
    while len(places) < count:
        r = rng.randint(16, 34)
        x, y = rng.uniform(r * 1.3, SIDE - r * 1.3), rng.uniform(r * 1.3, SIDE - r * 1.3)
        if all(math.dist((x, y), (a, b)) > 1.3 * (r + s) for a, b, s in places):
            places.append((x, y, r))
    for x, y, r in places:
        draw_shape(draw, shape, x, y, r, shade(colour, rng), rng.uniform(-0.25, 0.25))
    return [ask("count", rng, str(count)), ask("shape", rng, shape), ask("colour", rng, colour)]


def pair(draw, rng):
    shapes, colours = rng.sample(SHAPES, 2), rng.sample(list(COLOURS), 2)
    for i in range(2):
        x, y = SIDE * (0.26 + 0.48 * i) + rng.uniform(-12, 12), rng.uniform(60, SIDE - 60)
        draw_shape(draw, shapes[i], x, y, rng.randint(22, 44), shade(colours[i], rng), rng.uniform(-0.25, 0.25))
    side, other, named = rng.randrange(2), rng.randrange(2), rng.randrange(2)
    return [
        ask("colour of a side", rng, colours[side], side=ACROSS[side]),
        ask("shape of a side", rng, shapes[other], side=ACROSS[other]),
        ask("colour of a shape", rng, colours[named], shape=shapes[named]),
    ]


def digit(picture, rng):
    value, colour = rng.randrange(10), rng.choice(list(COLOURS))
    sheet = Image.new("L", (SIDE, SIDE), 0)
    font = ImageFont.load_default(rng.randint(90, 190))
    centre = (SIDE / 2 + rng.uniform(-30, 30), SIDE / 2 + rng.uniform(-20, 20))
    ImageDraw.Draw(sheet).text(centre, str(value), font=font, fill=255, anchor="mm")
    sheet = sheet.rotate(rng.uniform(-15, 15), resample=Image.Resampling.BILINEAR)
    picture.paste(shade(colour, rng), mask=sheet)
    return [ask("digit", rng, str(value)), ask("colour", rng, colour)]


def draw_picture(seed, index):
    """@return a picture of SIDE x SIDE and its (task, question, answer)s; of the seed and the index alone"""
    rng = random.Random(f"{seed}/{index}")
    base = numpy.array([rng.randint(200, 250)] * 3) + [rng.randint(-8, 8) for _ in range(3)]
    slope = numpy.linspace(rng.uniform(-15, 15), rng.uniform(-15, 15), SIDE)
    noise = numpy.random.default_rng([seed, index]).normal(0, rng.uniform(0, 4), (SIDE, SIDE, 3))
    ground = base + slope[:, None, None] + noise
    picture = Image.fromarray(ground.clip(0, 255).astype(numpy.uint8))
    draw = ImageDraw.Draw(picture)
    kind = rng.choice(("one", "several", "several", "pair", "pair", "digit"))
    if kind == "digit":
        return picture, digit(picture, rng)
    return picture, {"one": one, "several": several, "pair": pair}[kind](draw, rng)
