"""Draws the test media (a portrait, its mask, a clip), and pictures that depend on prompt and seed alone."""

from __future__ import annotations

import random

from PIL import Image, ImageChops, ImageDraw

from pytest_modal_bench.local.app.codec import mp4, png

SIDE = 512
"""Width and height of the portrait and its mask, in pixels."""
CLIP_SIDE = 256
CLIP_FPS = 16
CLIP_FRAMES = 17

FACE = (166, 108, 346, 338)
"""Where the portrait's face lies, as left, top, right and bottom in pixels."""


def portrait_png() -> bytes:
    """Draw a head and shoulders in front of a plain wall, as a PNG of 512 x 512 pixels."""
    return png(portrait())


def mask_png() -> bytes:
    """Draw the portrait's mask, as a PNG of the same size: the face is white, and an edit may change only that."""
    image = Image.new("L", (SIDE, SIDE), 0)
    ImageDraw.Draw(image).ellipse(FACE, fill=255)
    return png(image)


def clip_mp4() -> bytes:
    """Film the portrait as it nods and turns: H.264, 256 x 256 pixels, 17 frames, about a second."""
    still = portrait().resize((CLIP_SIDE + 32, CLIP_SIDE + 32), Image.Resampling.LANCZOS)
    frames = []
    for number in range(CLIP_FRAMES):
        left, top = 2 * number, 16 + (8 - abs(number - 8)) * 2
        frames.append(still.crop((left, top - 16, left + CLIP_SIDE, top - 16 + CLIP_SIDE)))
    return mp4(frames, (CLIP_SIDE, CLIP_SIDE), CLIP_FPS)


def portrait() -> Image.Image:
    """Draw the person whose face the face endpoints must reproduce."""
    image = Image.merge(
        "RGB",
        [
            Image.linear_gradient("L").resize((SIDE, SIDE)).point(lambda level, base=base: base - level // 5)
            for base in (176, 188, 204)
        ],
    )
    draw = ImageDraw.Draw(image)
    draw.ellipse((146, 70, 366, 330), fill=(62, 42, 32))  # hair
    draw.ellipse((76, 372, 436, 700), fill=(44, 74, 112))  # shoulders
    draw.rounded_rectangle((218, 300, 294, 410), 30, fill=(205, 158, 132))  # neck
    draw.ellipse(FACE, fill=(224, 180, 152))
    draw.chord((160, 92, 352, 250), 185, 355, fill=(62, 42, 32))  # fringe
    for x in (218, 294):
        draw.ellipse((x - 17, 212, x + 17, 232), fill=(246, 244, 240))
        draw.ellipse((x - 8, 213, x + 8, 231), fill=(58, 84, 70))
        draw.arc((x - 24, 190, x + 24, 220), 200, 340, fill=(62, 42, 32), width=5)
    draw.line([(256, 222), (248, 266), (262, 268)], fill=(188, 140, 114), width=4, joint="curve")
    draw.chord((222, 270, 290, 308), 10, 170, fill=(176, 84, 84))
    return image


def paint(prompt: str, seed: int, size: tuple[int, int]) -> Image.Image:
    """Paint a picture in place of a model's: the same `prompt` and `seed` give the same pixels."""
    generator = random.Random(f"{seed}:{prompt}")  # noqa: S311 - a picture, not a secret
    grid = 9
    clouds = Image.frombytes("RGB", (grid, grid), generator.randbytes(grid * grid * 3))
    tint = Image.new("RGB", size, tuple(generator.randrange(40, 216) for _ in range(3)))
    image = Image.blend(clouds.resize(size, Image.Resampling.BICUBIC), tint, 0.25)
    draw = ImageDraw.Draw(image)
    width, height = size
    for _ in range(6):
        x, y = generator.randrange(width), generator.randrange(height)
        radius = generator.randrange(1, 2 + min(size) // 6)
        colour = tuple(generator.randrange(256) for _ in range(3))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return image


def animate(still: Image.Image, length: int) -> list[Image.Image]:
    """Make `length` frames of `still`, each shifted a little further."""
    return [ImageChops.offset(still, 5 * number, 3 * number) for number in range(length)]


def put_face(scene: Image.Image, person: Image.Image) -> Image.Image:
    """Set the middle of `person` into the middle of `scene`, as an oval."""
    width, height = scene.width // 2, scene.height // 2
    left, top = (scene.width - width) // 2, (scene.height - height) // 2
    quarter_w, quarter_h = person.width // 4, person.height // 4
    face = person.crop((quarter_w, quarter_h, person.width - quarter_w, person.height - quarter_h))
    oval = Image.new("L", (width, height), 0)
    ImageDraw.Draw(oval).ellipse((0, 0, width, height), fill=230)
    result = scene.copy()
    result.paste(face.resize((width, height)), (left, top), oval)
    return result
