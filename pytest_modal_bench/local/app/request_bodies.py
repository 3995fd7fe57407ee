"""The request bodies that routes accept, and the images and videos that they make of them.

One class for each kind of body; unknown fields are ignored.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated

from PIL import Image
from pydantic import BaseModel, Field

from pytest_modal_bench.local.app import codec, drawing

if TYPE_CHECKING:
    from collections.abc import Callable

Side = Annotated[int, Field(ge=16, le=2048)]
SEED = 42
"""The seed of a call that names none."""
MAX_REFERENCES = 3


class MissingFieldError(KeyError):
    """A required field is missing; the error names it."""


class RequestBody(BaseModel, ABC):
    """A request's body: `prepare` checks its inputs and returns the work to be done."""

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
        """Decode the inputs, and return the function that makes the answer.

        Raises `codec.BadInputError` for an input that is not what its field asks for, `MissingFieldError` for a
        missing one.
        """


class Sampling(BaseModel):
    """The fields of a route that lets its caller choose how its model samples."""

    steps: Annotated[int, Field(ge=1, le=150)] = 20
    cfg: float = 1.0


class Picture(Sampling, RequestBody):
    """Text to a picture."""

    prompt: str | None = None
    width: Side = 512
    height: Side = 512

    def picture(self) -> Image.Image:
        """Paint the picture for the prompt and the seed."""
        return drawing.paint(required(self.prompt, "prompt"), self.seed, (self.width, self.height))

    def prepare(self) -> Callable[[], bytes]:
        """See `RequestBody.prepare`."""
        required(self.prompt, "prompt")
        return lambda: codec.png(self.picture())


class WithLora(BaseModel):
    """The fields of a route that takes a LoRA."""

    lora_id: str = ""
    lora_strength: float = 0.8

    @property
    def lora(self) -> str:
        """The LoRA that the call asks for; no app has one with an empty name."""
        return self.lora_id


class LoraPicture(WithLora, Picture):
    """Text to a picture in a LoRA's style."""


class FacePicture(Picture):
    """Text to a picture of the person in `reference_image`."""

    reference_image: str | None = None
    face_provider: str = "CUDA"

    @property
    def source(self) -> str | None:
        """See `RequestBody.source`."""
        return self.reference_image

    def prepare(self) -> Callable[[], bytes]:
        """See `RequestBody.prepare`."""
        required(self.prompt, "prompt")
        person = required_image(self.reference_image, "reference_image")
        return lambda: codec.png(drawing.put_face(self.picture(), person))


class Edit(Sampling, RequestBody):
    """A picture changed as `instruction` says."""

    source_image: str | None = None
    instruction: str | None = None

    @property
    def source(self) -> str | None:
        """See `RequestBody.source`."""
        return self.source_image

    def prepare(self) -> Callable[[], bytes]:
        """See `RequestBody.prepare`."""
        instruction = required(self.instruction, "instruction")
        source = required_image(self.source_image, "source_image")
        return lambda: codec.png(
            Image.blend(source, drawing.paint(instruction, self.seed, source.size), 0.35)
        )


class Inpaint(Sampling, RequestBody):
    """A picture painted over where the mask is white."""

    prompt: str | None = None
    source_image: str | None = None
    mask_image: str | None = None

    @property
    def source(self) -> str | None:
        """See `RequestBody.source`."""
        return self.source_image

    def prepare(self) -> Callable[[], bytes]:
        """See `RequestBody.prepare`."""
        prompt = required(self.prompt, "prompt")
        source = required_image(self.source_image, "source_image")
        mask = required_image(self.mask_image, "mask_image").convert("L").resize(source.size)
        return lambda: codec.png(
            Image.composite(drawing.paint(prompt, self.seed, source.size), source, mask),
        )


class Clip(Picture):
    """Text to an animated WebP of `length` frames."""

    length: Annotated[int, Field(ge=1, le=129)] = 17
    fps: Annotated[int, Field(ge=1, le=60)] = 16

    def prepare(self) -> Callable[[], bytes]:
        """See `RequestBody.prepare`."""
        required(self.prompt, "prompt")
        return lambda: codec.webp(drawing.animate(self.picture(), self.length), self.fps)


class LoraClip(WithLora, Clip):
    """Text to an animated WebP in a LoRA's style."""


class ReferenceClip(Clip):
    """Text to an animated WebP with the people of one to three `reference_videos`."""

    reference_videos: list[str] = []

    @property
    def source(self) -> str | None:
        """See `RequestBody.source`."""
        return self.reference_videos[0]

    def prepare(self) -> Callable[[], bytes]:
        """See `RequestBody.prepare`."""
        required(self.prompt, "prompt")
        if not 1 <= len(self.reference_videos) <= MAX_REFERENCES:
            raise codec.BadInputError(f"reference_videos must be 1 to {MAX_REFERENCES} videos")
        people = [
            codec.to_picture(
                codec.read_video(codec.from_data_uri(uri, "reference_videos"), "reference_videos")[0]
            )
            for uri in self.reference_videos
        ]

        def work() -> bytes:
            picture = self.picture()
            for person in people:
                picture = drawing.put_face(picture, person)
            return codec.webp(drawing.animate(picture, self.length), self.fps)

        return work


class FaceSwap(RequestBody):
    """A video with another person's face, as MP4."""

    source_video: str | None = None
    reference_image: str | None = None
    fps: Annotated[int, Field(ge=1, le=60)] = 16

    @property
    def source(self) -> str | None:
        """See `RequestBody.source`."""
        return self.source_video

    def prepare(self) -> Callable[[], bytes]:
        """See `RequestBody.prepare`."""
        frames = codec.read_video(
            codec.from_data_uri(required(self.source_video, "source_video"), "source_video"),
            "source_video",
        )
        person = required_image(self.reference_image, "reference_image")
        tone = drawing.paint("skin", self.seed, person.size)

        def work() -> bytes:
            face = Image.blend(person, tone, 0.1)
            swapped = (drawing.put_face(codec.to_picture(frame), face) for frame in frames)
            return codec.mp4(swapped, (frames[0].width, frames[0].height), self.fps)

        return work


class Upscale(RequestBody):
    """A video whose shorter side becomes `resolution` pixels, as MP4."""

    video: str | None = None
    resolution: Annotated[int, Field(ge=64, le=2160)] = 1080

    @property
    def source(self) -> str | None:
        """See `RequestBody.source`."""
        return self.video

    def prepare(self) -> Callable[[], bytes]:
        """See `RequestBody.prepare`."""
        frames = codec.read_video(codec.from_data_uri(required(self.video, "video"), "video"), "video")
        width, height = frames[0].width, frames[0].height
        scale = self.resolution / min(width, height)
        grain = drawing.paint("grain", self.seed, (width, height))

        def work() -> bytes:
            grained = (Image.blend(codec.to_picture(frame), grain, 0.08) for frame in frames)
            return codec.mp4(grained, (round(width * scale), round(height * scale)), drawing.CLIP_FPS)

        return work


def required(value: str | None, field: str) -> str:
    """The value; raises `MissingFieldError` if it is None."""
    if value is None:
        raise MissingFieldError(field)
    return value


def required_image(uri: str | None, field: str) -> Image.Image:
    """Decode the image in a data URI; raises as `RequestBody.prepare` does."""
    return codec.read_image(codec.from_data_uri(required(uri, field), field), field)


BODIES: dict[str, type[RequestBody]] = {
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
