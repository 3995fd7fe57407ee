from __future__ import annotations

from typing import Any

import pytest
from openapi_documents import entry, post

SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "Basic"},
    "oauth": {"type": "oauth2"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "key"},
    "odd": {"type": "apiKey", "in": "header", "name": "not a\ntoken"},
}


def suggested(*security: str, parameters: Any = ()) -> Any:
    operation: dict[str, Any] = {"security": [{name: [] for name in security}], "parameters": [*parameters]}
    made = entry({"/a": post({"const": {"a": 1}}, **operation)}, components={"securitySchemes": SCHEMES})
    return next((value for _, name, value in made.suggested if name == "headers"), None), made.unknown


@pytest.mark.parametrize(
    ("scheme", "headers"),
    [
        ("bearer", {"Authorization": "Bearer {env:TRIAL_TOKEN}"}),
        ("oauth", {"Authorization": "Bearer {env:TRIAL_TOKEN}"}),
        ("basic", {"Authorization": "Basic {env:TRIAL_LOGIN}"}),
        ("key", {"X-Key": "{env:TRIAL_KEY}"}),
    ],
)
def test_credentials_come_from_the_environment(scheme: str, headers: dict[str, str]) -> None:
    assert suggested(scheme) == (headers, [])


def test_several_at_once_are_all_suggested() -> None:
    headers, _ = suggested("bearer", "key")
    assert headers.keys() == {"Authorization", "X-Key"}


def test_what_no_header_can_hold_is_told() -> None:
    assert suggested("query") == (
        None,
        ["the app wants credentials that init can't write down (apiKey in query)"],
    )
    assert suggested("odd") == (None, [])
    assert suggested("unknown")[0] is None


def test_headers_that_must_be_sent_are_suggested_with_their_examples() -> None:
    def parameter(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, **more}

    headers, _ = suggested(
        parameters=[parameter("X-Tenant", example="acme"), parameter("X-User"), parameter("x-user")]
    )
    assert headers == {"X-Tenant": "acme", "x-user": "{env:X_USER}"}
    assert suggested(parameters=[parameter("X-Optional", required=False)])[0] is None
