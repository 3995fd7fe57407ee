from __future__ import annotations

from typing import Any

import pytest
from openapi_documents import entry, fields, post

from pytest_modal_bench.catalogue import placeholders
from pytest_modal_bench.init import openai_routes

TEXT = {"type": "string"}
CHAT = "/v1/chat/completions"


def payload(path: str, schema: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = entry({path: post(schema)}).fields["payload"]
    return found


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/chat/completions/",
        "/v1/completions",
        "/v1/embeddings",
        "/openai/v1/audio/speech",
    ],
)
def test_each_call_asks_for_something_else(path: str) -> None:
    assert [each.name for each in placeholders.find(payload(path))] == ["seed"]


def test_a_route_that_only_ends_like_one_is_none() -> None:
    assert openai_routes.known("/v1/models") is None
    assert openai_routes.known("/v1/chat/completions/abc") is None


def test_fields_that_servers_may_refuse_are_sent_where_they_are_described() -> None:
    assert payload(CHAT).keys() == {"model", "messages", "stream"}
    free = {"type": "object", "additionalProperties": True}
    assert payload(CHAT, free).keys() == {"model", "messages", "stream"}


def test_of_a_described_body_the_apps_defaults_are_not_repeated() -> None:
    schema = fields(
        {
            "model": {"type": "string", "default": "tiny"},
            "messages": {"type": "array", "items": {"type": "object"}},
            "stream": {"type": "boolean", "default": False},
            "stream_options": {"type": "object"},
            "max_tokens": {"type": "integer", "default": 9_000},
            "temperature": {"type": "number", "default": 1},
            "seed": {"type": "integer"},
            "tenant": TEXT,
        },
        "messages",
        "tenant",
    )
    made = entry({CHAT: post(schema)})
    assert made.fields["payload"] == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "Say the number {seed} in words."}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 128,
        "tenant": "text",
        "seed": "{seed}",
    }
    assert made.unknown == ["payload.tenant: the app gives no example"]


def test_a_chat_that_does_not_stream_is_not_streamed() -> None:
    schema = fields(
        {"model": TEXT, "messages": {"type": "array", "items": {"type": "object"}}}, "model", "messages"
    )
    made = entry({CHAT: post(schema)})
    assert "stream" not in made.fields
    assert made.fields["payload"].keys() == {"model", "messages"}


def test_an_example_of_the_apps_own_is_sent_as_it_is() -> None:
    schema = {
        **fields({"messages": {}, "model": TEXT}),
        "example": {"model": "m", "messages": [{"role": "user"}]},
    }
    assert payload(CHAT, schema)["model"] == "m"


def test_images_and_speech_are_expected_where_the_api_puts_them() -> None:
    images = entry({"/v1/images/generations": post()}).fields
    assert images["expect"] == {"kind": "image", "at": "data.*.b64_json"}
    assert images["payload"]["response_format"] == "b64_json"
    described = entry({"/v1/images/generations": post(fields({"prompt": TEXT}, "prompt"))})
    assert "expect" not in described.fields
    assert ("expect", {"kind": "image", "at": "data.*.url"}) in [each[1:] for each in described.suggested]
    assert entry({"/v1/audio/speech": post()}).fields["expect"] == {"kind": "audio"}
