"""What the routes take, and what they make of it: one form per kind of body; unknown fields are ignored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated

from PIL import Image
from pydantic import BaseModel, Field

from pytest_modal_bench.local.app import codec, drawing

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.local.workspace.apps import FormName

Side = Annotated[int, Field(ge=16, le=2048)]
SEED = 42
"""What a call gets that names none."""
MAX_REFERENCES = 3


class MissingFieldError(KeyError):
    """A field without which the workflow cannot be built; named by the error."""


class Form(BaseModel, ABC):
    """A body: `prepare` checks its inputs, what that returns does the work."""

    seed: int = SEED

    @property
    def lora(self) -> str | None:
        """The LoRA that the call asks for; None: the route takes none."""
        return None

    @property
    def source(self) -> str | None:
        """The image or video that the call starts from; None: the route takes none."""
        return None

    @abstractmethod
    def prepare(self) -> Callable[[], bytes]:
        """Unpack the inputs, and return what makes the answer.

        Raises `codec.BadInputError` for an input that is not what it should be, `MissingFieldError` for none.
        """


class Sampling(BaseModel):
    """The fields of a route that says how long, and how close to its prompt, is sampled."""

    steps: Annotated[int, Field(ge=1, le=150)] = 20
    cfg: float = 1.0


class Picture(Sampling, Form):
    """Text to a still picture."""

    prompt: str | None = None
    width: Side = 512
    height: Side = 512

    def still(self) -> Image.Image:
        """Paint the picture that the prompt and the seed stand for."""
        return drawing.paint(given(self.prompt, "prompt"), self.seed, (self.width, self.height))

    def prepare(self) -> Callable[[], bytes]:
        """See `Form.prepare`."""
        given(self.prompt, "prompt")
        return lambda: codec.png(self.still())


class WithLora(BaseModel):
    """The fields of a route that takes a LoRA."""

    lora_id: str = ""
    lora_strength: float = 0.8

    @property
    def lora(self) -> str:
        """The LoRA that the call asks for; an empty name is one that nobody has."""
        return self.lora_id


class LoraPicture(WithLora, Picture):
    """Text to a still picture in a LoRA's style."""


class FacePicture(Picture):
    """Text to a still picture of the person in `reference_image`."""

    reference_image: str | None = None
    face_provider: str = "CUDA"

    @property
    def source(self) -> str | None:
        """See `Form.source`."""
        return self.reference_image

    def prepare(self) -> Callable[[], bytes]:
        """See `Form.prepare`."""
        given(self.prompt, "prompt")
        person = image(self.reference_image, "reference_image")
        return lambda: codec.png(drawing.put_face(self.still(), person))


class Edit(Sampling, Form):
    """A picture changed as `instruction` says."""

    source_image: str | None = None
    instruction: str | None = None

    @property
    def source(self) -> str | None:
        """See `Form.source`."""
        return self.source_image

    def prepare(self) -> Callable[[], bytes]:
        """See `Form.prepare`."""
        instruction = given(self.instruction, "instruction")
        source = image(self.source_image, "source_image")
        return lambda: codec.png(
            Image.blend(source, drawing.paint(instruction, self.seed, source.size), 0.35)
        )


class Inpaint(Sampling, Form):
    """A picture painted over where the mask is white."""

    prompt: str | None = None
    source_image: str | None = None
    mask_image: str | None = None

    @property
    def source(self) -> str | None:
        """See `Form.source`."""
        return self.source_image

    def prepare(self) -> Callable[[], bytes]:
        """See `Form.prepare`."""
        prompt = given(self.prompt, "prompt")
        source = image(self.source_image, "source_image")
        mask = image(self.mask_image, "mask_image").convert("L").resize(source.size)
        return lambda: codec.png(
            Image.composite(drawing.paint(prompt, self.seed, source.size), source, mask),
        )


class Clip(Picture):
    """Text to an animated WebP of `length` frames."""

    length: Annotated[int, Field(ge=1, le=129)] = 17
    fps: Annotated[int, Field(ge=1, le=60)] = 16

    def prepare(self) -> Callable[[], bytes]:
        """See `Form.prepare`."""
        given(self.prompt, "prompt")
        return lambda: codec.webp(drawing.drift(self.still(), self.length), self.fps)


class LoraClip(WithLora, Clip):
    """Text to an animated WebP in a LoRA's style."""


class ReferenceClip(Clip):
    """Text to an animated WebP with the people of one to three `reference_videos`."""

    reference_videos: list[str] = []

    @property
    def source(self) -> str | None:
        """See `Form.source`."""
        return self.reference_videos[0]

    def prepare(self) -> Callable[[], bytes]:
        """See `Form.prepare`."""
        given(self.prompt, "prompt")
        if not 1 <= len(self.reference_videos) <= MAX_REFERENCES:
            raise codec.BadInputError(f"reference_videos must be 1 to {MAX_REFERENCES} videos")
        people = [
            codec.still(codec.read_video(codec.from_data_uri(uri, "reference_videos"), "reference_videos")[0])
            for uri in self.reference_videos
        ]

        def work() -> bytes:
            still = self.still()
            for person in people:
                still = drawing.put_face(still, person)
            return codec.webp(drawing.drift(still, self.length), self.fps)

        return work


class FaceSwap(Form):
    """A video with another person's face, as MP4."""

    source_video: str | None = None
    reference_image: str | None = None
    fps: Annotated[int, Field(ge=1, le=60)] = 16

    @property
    def source(self) -> str | None:
        """See `Form.source`."""
        return self.source_video

    def prepare(self) -> Callable[[], bytes]:
        """See `Form.prepare`."""
        frames = codec.read_video(
            codec.from_data_uri(given(self.source_video, "source_video"), "source_video"),
            "source_video",
        )
        person = image(self.reference_image, "reference_image")
        tone = drawing.paint("skin", self.seed, person.size)

        def work() -> bytes:
            face = Image.blend(person, tone, 0.1)
            scenes = (drawing.put_face(codec.still(frame), face) for frame in frames)
            return codec.mp4(scenes, (frames[0].width, frames[0].height), self.fps)

        return work


class Upscale(Form):
    """A video whose shorter side becomes `resolution` pixels, as MP4."""

    video: str | None = None
    resolution: Annotated[int, Field(ge=64, le=2160)] = 1080

    @property
    def source(self) -> str | None:
        """See `Form.source`."""
        return self.video

    def prepare(self) -> Callable[[], bytes]:
        """See `Form.prepare`."""
        frames = codec.read_video(codec.from_data_uri(given(self.video, "video"), "video"), "video")
        width, height = frames[0].width, frames[0].height
        scale = self.resolution / min(width, height)
        grain = drawing.paint("grain", self.seed, (width, height))

        def work() -> bytes:
            grained = (Image.blend(codec.still(frame), grain, 0.08) for frame in frames)
            return codec.mp4(grained, (round(width * scale), round(height * scale)), drawing.CLIP_FPS)

        return work


def given(value: str | None, field: str) -> str:
    """Return `value`; raises `MissingFieldError` for None."""
    if value is None:
        raise MissingFieldError(field)
    return value


def image(uri: str | None, field: str) -> Image.Image:
    """Unpack the image in a data URI; raises as `Form.prepare` does."""
    return codec.read_image(codec.from_data_uri(given(uri, field), field), field)


FORMS: dict[FormName, type[Form]] = {
    "picture": Picture,
    "lora_picture": LoraPicture,
    "face_picture": FacePicture,
    "edit": Edit,
    "inpaint": Inpaint,
    "clip": Clip,
    "reference_clip": ReferenceClip,
    "lora_clip": LoraClip,
    "face_swap": FaceSwap,
    "upscale": Upscale,
}
