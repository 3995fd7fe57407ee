"""What has been read of a stream so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_modal_bench.answers.streaming.framing import Event


@dataclass
class Transcript:
    """What has been read of a stream so far, event by event."""

    events: int = 0
    outputs: list[int] = field(default_factory=list)
    """Where the events end that carry some of the answer."""
    texts: dict[int, list[str]] = field(default_factory=dict)
    """What it says, by choice: a server may be asked for several answers at a time."""
    characters: int = 0
    latest: str = ""
    """What the last event says that says something."""
    unnamed: list[int] = field(default_factory=list)
    """Where the events end that hold something, but under no name that says it is an output."""
    unnamed_texts: list[str] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: str | None = None
    failure: str | None = None
    """What it says of its failure."""
    is_done: bool = False
    """Whether `[DONE]` has come."""
    end: str | None = None
    """In which words it has said that it is complete; None: not yet, or output came after that."""
    awaited: str | None = None
    """Which words would say so, as its events show; None: they don't show that there are any."""
    foreign: Event | None = None
    """The first event that is none of this form, such as one that is no JSON; None: there is none."""
    foreign_at: int = 0
    """Which of all events it is; 1 is the first."""
    unfinished: Event | None = None
    """What stands behind the last event; None: nothing."""
    is_cut_short: bool = False
    """Whether there are more events than are looked into."""
    choices: dict[int, bool] = field(default_factory=dict)
    """Choices that have begun, and whether they are finished."""

    def add_output(self, end: int, text: str = "", choice: int = 0) -> None:
        """Take in an event that carries output, and ends at `end`; what it says, if that is a text."""
        self.outputs.append(end)
        self.end = None
        if text:
            self.texts.setdefault(choice, []).append(text)
            self.characters += len(text)
            self.latest = text

    def add_unnamed(self, end: int, data: str) -> None:
        """Take in an event of which nobody knows whether it is output."""
        self.unnamed.append(end)
        self.unnamed_texts.append(data)

    def settle(self) -> None:
        """Take the events of unknown kind for outputs if nothing else was said."""
        if not self.outputs and self.unnamed:
            self.outputs, self.texts = self.unnamed, {0: self.unnamed_texts}
            self.characters = sum(map(len, self.unnamed_texts))
            self.latest = self.unnamed_texts[-1]

    @property
    def text(self) -> str:
        """All that it says, choice after choice."""
        return "\n".join("".join(self.texts[choice]) for choice in sorted(self.texts))

    @property
    def ending(self) -> str | None:
        """In which words it says that it is complete; None: it does not."""
        if self.is_done:
            return "`[DONE]`"
        if self.choices:
            return "a `finish_reason`" if all(self.choices.values()) else None
        return self.end
