"""What a broken catalogue says: one line, with file, endpoint and field."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modal_bench.catalogue import CatalogueError, check_selected, load

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.catalogue import Catalogue

APP = '[apps.shop]\nurl = "https://shop.example"\n'
ENDPOINT = '[[endpoints]]\npath = "/buy"\napp = "shop"\ncategory = "Shop"\n'
OR_NAMES = ", or give each a name of its own"
PLAIN_PATH = "path: expected a path without spaces, braces and backslashes; nothing is filled in here"
ENVIRON = {"TOKEN": "swordfish", "TWO_LINES": "sword\nfish", "EMPTY": ""}


def loaded(path: Path, workspace: str | None = None) -> Catalogue:
    """The catalogue as a run reads it that calls all of its endpoints."""
    catalogue = load(path, workspace=workspace)
    check_selected(catalogue, catalogue.endpoints, root=path.parent, environ=ENVIRON, media=False)
    return catalogue


def message(path: Path, content: str | bytes, workspace: str | None = None) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(CatalogueError) as caught:
        loaded(path, workspace)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    text = str(caught.value)
    assert text.isprintable()
    assert "swordfish" not in text
    return text


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "endpoints.toml"


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("stream = 'sse2'", "/buy: stream: unknown value 'sse2'; did you mean sse?"),
        ("stream = 'grpc'", "/buy: stream: unknown value 'grpc'; known: openai, sse, ndjson, bytes"),
        ("stream = true", "/buy: stream: expected a string, got true or false"),
        ("budget.max_ttft = 0", "/buy: budget.max_ttft: expected a number above 0"),
        ("budget.max_itl = 'soon'", "/buy: budget.max_itl: expected a number, or { warn = …, fail = … }"),
        (
            "budget.min_tokens_per_sec = { warn = 30, fail = 40 }",
            "/buy: budget.min_tokens_per_sec: warn comes before fail: it is the milder of the two",
        ),
        ("budget.max_tft = 1", "/buy: budget.max_tft: unknown field; did you mean max_ttft?"),
        ("timeout = 'x'", "/buy: timeout: expected a number, got a string"),
        ("timeout = true", "/buy: timeout: expected a number, got true or false"),
        ("timeout = 0", "/buy: timeout: expected seconds above 0 and up to 86400"),
        ("timeout = -1.5", "/buy: timeout: expected seconds above 0 and up to 86400"),
        ("timeout = 86401", "/buy: timeout: expected seconds above 0 and up to 86400"),
        ("timeout = inf", "/buy: timeout: expected a finite number, got inf"),
        ("timeout = nan", "/buy: timeout: expected a finite number, got nan"),
        (
            "timeout = 2026-02-02",
            "/buy: timeout: expected what JSON knows, got a date or time; put it in quotes",
        ),
        ("tmeout = 3", "/buy: tmeout: unknown field; did you mean timeout?"),
        ("tags = 'fast'", "/buy: tags: expected an array, got a string"),
        ("tags = ['fast', 3]", "/buy: tags[1]: expected a string, got an integer"),
        ("tags = ['']", "/buy: tags[0]: is empty"),
        ("name = ' '", "/buy: name: is empty"),
        ('name = "a\\nb"', "/buy: name: expected one line without control characters"),
        ('description = "\\u001b[31m"', "/buy: description: expected one line without control characters"),
        ("method = 'PSOT'", "/buy: method: unknown method 'PSOT'; did you mean POST?"),
        (
            "method = 'TRACE'",
            "/buy: method: unknown method 'TRACE'; known: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        ),
        ("gpu = 3", "/buy: gpu: expected a string, got an integer"),
        ("payload.a.b = [1, inf]", "/buy: payload.a.b[1]: expected a finite number, got inf"),
        (
            "payload = { at = 07:32:00 }",
            "/buy: payload.at: expected what JSON knows, got a date or time; put it in quotes",
        ),
        (f"payload = {2**64}", "/buy: payload: expected an integer of at most 64 bits"),
        (
            "payload = {}\nform = {}",
            "/buy: form: a request has one body: give payload or form, not both",
        ),
        ("form = 'a=b'", "/buy: form: expected a table, got a string"),
        ("query = [1]", "/buy: query: expected a table, got an array"),
        (
            "payload = ['{imgae}']",
            "/buy: payload: unknown placeholder {imgae}; did you mean image?",
        ),
        (
            "query.q = '{image:bas64}'",
            "/buy: query: unknown encoding in {image:bas64}; did you mean base64?",
        ),
        (
            "payload = '{image:bytes}'",
            "/buy: payload: {image:bytes} stands in payload; a file's bytes belong in form",
        ),
        (
            "form.file = 'my {image:bytes}'",
            "/buy: form.file: {image:bytes} must be the whole field; nothing may stand beside it",
        ),
        (
            "payload.key = '{env:TOKEN}'",
            "/buy: payload: {env:TOKEN} stands in payload; secrets belong in headers",
        ),
        ("headers.X-A = 3", "/buy: headers.X-A: expected a string; put it in quotes"),
        (
            "headers.'X A' = 'b'",
            "/buy: headers.X A: expected a header's name: letters, digits and '-'",
        ),
        (
            'headers."X\\r\\nA" = "b"',
            "/buy: headers.X\\r\\nA: expected a header's name: letters, digits and '-'",
        ),
        (
            'headers.X-A = "swordfish\\r\\nX-B: c"',
            "/buy: headers.X-A: expected one line without control characters, nor spaces at its ends",
        ),
        (
            "headers = { X-A = 'b', x-a = 'c' }",
            "/buy: headers.x-a: given twice; the name of a header is the same in any case",
        ),
        (
            "headers.X-A = 'Bearer {env:NOWHERE}'",
            "/buy: headers.X-A: the environment variable NOWHERE is not set; set it to the secret",
        ),
        (
            "headers.X-A = '{env:EMPTY}'",
            "/buy: headers.X-A: the environment variable EMPTY is not set; set it to the secret",
        ),
        (
            "headers.X-A = '{env:TWO_LINES}'",
            "/buy: headers.X-A: the environment variable TWO_LINES holds more than one line of text",
        ),
        (
            "expect = { kind = 'vidoe' }",
            "/buy: expect.kind: unknown value 'vidoe'; did you mean video?",
        ),
        (
            "expect = { kind = 'sound' }",
            "/buy: expect.kind: unknown value 'sound'; known: image, video, audio, file, json, any",
        ),
        ("expect = { heigth = 3 }", "/buy: expect.heigth: unknown field; did you mean height?"),
        ("expect = { width = 'x' }", "/buy: expect.width: expected an integer, got a string"),
        ("expect = { width = 0 }", "/buy: expect.width: expected a number above 0"),
        ("expect = 'image'", "/buy: expect: expected a table, got a string"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(path: Path, added: str, expected: str) -> None:
    assert message(path, f"{APP}{ENDPOINT}{added}\n") == f"endpoints.toml: {expected}"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "endpoints: there are none; add [[endpoints]] with path, app and category"),
        (APP, "endpoints: there are none; add [[endpoints]] with path, app and category"),
        ("a b", "not TOML: Expected '=' after a key in a key/value pair (at line 1, column 3)"),
        ("x = 1\nx = 2\n", "not TOML: Cannot overwrite a value (at line 2, column 6)"),
        (b"a = '\xff'", "byte 5 is not UTF-8; save the file as UTF-8"),
        (f"a = {'[' * 5000}", "nested too deep; at most 50 levels"),
        ("endpoint = 1", "endpoint: unknown field; did you mean endpoints?"),
        ("endpoints = 1", "endpoints: expected an array, got an integer"),
        ("endpoints = 2026-02-02", "endpoints: expected an array, got a date"),
        ("endpoints = [1]", "endpoints[0]: expected a table, got an integer"),
        ("workspace = 3", "workspace: expected a string, got an integer"),
        (
            "workspace = 'a/b'",
            "workspace: expected a name of ASCII letters, digits, '-', '_' and '.'",
        ),
        (
            "environment = ''",
            "environment: expected a name of ASCII letters, digits, '-', '_' and '.'",
        ),
        (APP + "[[endpoints]]\napp = 'shop'", "endpoints[0]: path: missing field"),
        (APP + "[[endpoints]]\npath = ''", "endpoints[0]: path: expected a path that begins with /"),
        (APP + "[[endpoints]]\npath = '/buy'\napp = 'shop'", "/buy: category: missing field"),
        (APP + "[[endpoints]]\npath = '/buy'\ncategory = 'A'", "/buy: app: missing field"),
        (
            APP + ENDPOINT.replace('"shop"', '"shpo"'),
            "/buy: app: unknown app; did you mean shop?",
        ),
        (APP + ENDPOINT.replace('"shop"', '"bank"'), "/buy: app: unknown app; known: shop"),
        (ENDPOINT, "/buy: app: unknown app; known: none"),
        (
            APP + ENDPOINT + "[[endpoints]]\npath = '/a'\napp = 'shop'\ncategory = 'A'\n" + ENDPOINT,
            f"/buy: path: POST of app shop is here twice, as endpoints[0] and endpoints[2]; take one out{OR_NAMES}",
        ),
        (
            APP + ENDPOINT + ENDPOINT + "method = 'post'",
            f"/buy: path: POST of app shop is here twice, as endpoints[0] and endpoints[1]; take one out{OR_NAMES}",
        ),
        (APP + ENDPOINT.replace("/buy", "buy"), "buy: path: expected a path that begins with /"),
        (
            APP + ENDPOINT.replace("/buy", "/buy?a=b"),
            "/buy?a=b: path: expected a path without ? and #; put a query in the field query",
        ),
        (
            APP + ENDPOINT.replace("/buy", "/{seed}"),
            f"/{{seed}}: {PLAIN_PATH}",
        ),
        (
            APP + ENDPOINT.replace("/buy", "/a\\nb"),
            f"/a\\nb: {PLAIN_PATH}",
        ),
        (
            "[defaults]\ntimeout = 'x'\n" + APP + ENDPOINT,
            "defaults: timeout: expected a number, got a string",
        ),
        (
            "[defaults]\ntags = 1\n" + APP + ENDPOINT,
            "defaults: tags: expected an array, got an integer",
        ),
        (
            "[defaults.headers]\nX-A = '{env:NOWHERE}'\n" + APP + ENDPOINT,
            "/buy: headers.X-A: the environment variable NOWHERE is not set; set it to the secret",
        ),
        (
            "[apps.shop]\n" + ENDPOINT,
            "apps.shop: url: missing field; or give function, and Modal is asked for its URL",
        ),
        ("apps.shop = 3\n" + ENDPOINT, "apps.shop: expected a table, got an integer"),
        ("[[apps]]\nurl = 'https://x.example'", "apps: expected a table, got an array"),
        (
            "[apps.'a b']\nurl = 'https://x.example'",
            "apps.a b: expected a name of ASCII letters, digits, '-', '_' and '.'",
        ),
        (APP + "gpus = 'L4'\n" + ENDPOINT, "apps.shop: gpus: unknown field; did you mean gpu?"),
        (APP + "function = ''\n" + ENDPOINT, "apps.shop: function: is empty"),
        (APP + "app = 3\n" + ENDPOINT, "apps.shop: app: expected a string, got an integer"),
        (
            APP + "app = 'big shop'\n" + ENDPOINT,
            "apps.shop: app: expected a name of ASCII letters, digits, '-', '_' and '.'",
        ),
        (
            "[resources]\n'Voice-1' = 'a.wav'\n" + APP + ENDPOINT,
            "resources: Voice-1: expected a name of small letters, digits and '_', and none of seed, lora and env",
        ),
        (
            "[resources]\nseed = 'a.wav'\n" + APP + ENDPOINT,
            "resources: seed: expected a name of small letters, digits and '_', and none of seed, lora and env",
        ),
        (
            "[resources]\nvoice = 3\n" + APP + ENDPOINT,
            'resources: voice: expected the path of a file, such as "fixtures/voice.wav"',
        ),
        (
            APP + "scaledown_window = 0\n" + ENDPOINT,
            "apps.shop: scaledown_window: expected seconds above 0",
        ),
        (
            "[resources]\nimgae = 'a'\n" + APP + ENDPOINT,
            "resources: imgae: no endpoint has {imgae}; did you mean image?",
        ),
        ("[resources]\nimage = ''\n" + APP + ENDPOINT, "resources: image: is empty"),
        (
            "[resources]\nimage = 2026-02-02\n" + APP + ENDPOINT,
            "resources: image: expected what JSON knows, got a date or time; put it in quotes",
        ),
        (
            "[resources]\nlora = 'a'\n" + APP + ENDPOINT,
            "resources: lora: expected a table, got a string",
        ),
        ("[resources.lora]\n" + APP + ENDPOINT, "resources: lora.id: missing field"),
        (
            "[resources.lora]\nid = 'a'\nprobe = '/xyz'\n" + APP + ENDPOINT + "payload = '{lora}'",
            "resources: lora.probe: no endpoint with {lora} has this path; known: /buy",
        ),
        (
            "[resources.lora]\nid = 'a'\nprobe = '/buy'\n" + APP + ENDPOINT,
            "resources: lora.probe: no endpoint with {lora} has this path; known: none",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_named(path: Path, content: str | bytes, expected: str) -> None:
    assert message(path, content) == f"endpoints.toml: {expected}"


@pytest.mark.parametrize(
    ("content", "beginning", "end"),
    [
        (f"a = {'9' * 5000}", "not TOML: ", "..."),
        (f"apps.x.{'a.' * 2000}a = 1", "apps.x: a.a.", "a...: nested too deep; at most 50 levels"),
        (
            f"{APP}{ENDPOINT}payload = {'[' * 60}{']' * 60}",
            "/buy: payload[0][0]",
            "...: nested too deep; at most 50 levels",
        ),
        (
            f"{'long' * 50} = 1",
            "longlong",
            "known: workspace, environment, defaults, resources, budget, history, load, apps, endpoints",
        ),
    ],
)
def test_what_is_long_is_cut_off(path: Path, content: str, beginning: str, end: str) -> None:
    text = message(path, content)
    assert text.startswith(f"endpoints.toml: {beginning}")
    assert text.endswith(end)
    assert len(text) < 250


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("shop.example", "expected a URL that begins with https:// or http://"),
        ("ftp://shop.example", "expected a URL that begins with https:// or http://"),
        ("https://", "expected a URL with a host, such as https://example.com"),
        ("https://:80", "expected a URL with a host, such as https://example.com"),
        ("https://a<b>", "expected a URL with a host, such as https://example.com"),
        ("https://a:99999", "expected a URL with a host, and a port of at most 65535 if any"),
        ("https://a:b", "expected a URL with a host, and a port of at most 65535 if any"),
        ("https://[::1", "expected a URL with a host, and a port of at most 65535 if any"),
        ("https://me:swordfish@shop.example", "holds credentials; put them in headers as {env:NAME}"),
        ("https://swordfish@shop.example", "holds credentials; put them in headers as {env:NAME}"),
        ("https://a b", "expected a URL without spaces, braces and backslashes"),
        ("https://a{b", "expected a URL without spaces, braces and backslashes"),
        (
            "https://a/?key=swordfish",
            "expected a URL that ends with its host or path; put a query in the endpoint's query",
        ),
        ("https://{wrkspace}.example", "unknown placeholder {wrkspace}; did you mean workspace?"),
        ("https://{}.example", "unknown placeholder {}; known: workspace, environment, environment_suffix"),
        (
            "https://{environment}.example",
            (
                '{environment} has no value; write environment = "…" at the top of the catalogue, '
                "or give --modal-bench-environment"
            ),
        ),
        (
            "https://{workspace}.example",
            (
                '{workspace} has no value; write workspace = "…" at the top of the catalogue, '
                "or give --modal-bench-workspace"
            ),
        ),
    ],
)
def test_a_url_that_cannot_be_called_is_named_and_not_repeated(path: Path, url: str, expected: str) -> None:
    text = message(path, APP.replace("https://shop.example", url) + ENDPOINT)
    assert text == f"endpoints.toml: apps.shop: url: {expected}"


def test_a_workspace_given_from_outside_is_checked_too(path: Path) -> None:
    text = message(path, APP + ENDPOINT, workspace="evil.example/")
    assert text == "endpoints.toml: workspace: expected a name of ASCII letters, digits, '-', '_' and '.'"


def test_a_catalogue_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, expected in [
        (tmp_path / "none.toml", "none.toml: no such file"),
        (tmp_path, f"{tmp_path.name}: is a directory; name the catalogue's file in it"),
        (tmp_path / ("x" * 300), ": can't be read: File name too long"),
    ]:
        with pytest.raises(CatalogueError) as caught:
            load(path, root=tmp_path.parent)
        assert str(caught.value).endswith(expected)
        assert caught.value.__suppress_context__


def test_the_file_is_named_from_the_root_on(tmp_path: Path) -> None:
    path = tmp_path / "tests" / "endpoints.toml"
    with pytest.raises(CatalogueError, match=r"^tests/endpoints\.toml: no such file$"):
        load(path, root=tmp_path)
    with pytest.raises(CatalogueError, match=f"^{path}: no such file$"):
        load(path, root=tmp_path / "elsewhere")


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


texts = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ["shop", "/buy", "{image}", "{image:bytes}", "{env:TOKEN}", "{nothing}", "https://{workspace}.example"]
)
scalars = (
    st.none().map(lambda _: "")
    | st.booleans()
    | st.integers()
    | st.floats()
    | texts
    | st.datetimes().map(lambda moment: moment.date())
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
SOUND: dict[str, Any] = {
    "workspace": "ryla",
    "defaults": {"timeout": 5},
    "resources": {"image": "a.png", "lora": {"id": "x", "probe": "/buy"}},
    "apps": {"shop": {"url": "https://shop.example", "gpu": "L4", "scaledown_window": 3}},
    "endpoints": [
        {
            "path": "/buy",
            "app": "shop",
            "category": "Shop",
            "name": "Buy",
            "description": "Buys",
            "tags": ["fast"],
            "method": "PUT",
            "timeout": 1,
            "payload": {"lora": "{lora}"},
            "query": {"q": 1},
            "headers": {"X-A": "{env:TOKEN}"},
            "expect": {"kind": "json", "json": ["a"]},
            "gpu": "T4",
        },
    ],
}


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """Replace, add or take out one thing somewhere in a sound catalogue."""
    catalogue: dict[str, Any] = json.loads(json.dumps(SOUND))
    where: Any = catalogue
    while True:
        keys = list(where) if isinstance(where, dict) else list(range(len(where)))
        key = draw(st.sampled_from(keys))
        if not isinstance(where[key], dict | list) or not where[key] or draw(st.booleans()):
            break
        where = where[key]
    match draw(st.sampled_from(["replace", "add", "take out"])):
        case "replace":
            where[key] = draw(values)
        case "add" if isinstance(where, dict):
            where[draw(texts)] = draw(values)
        case _:
            del where[key]
    return catalogue


@given(st.dictionaries(texts, values, max_size=4) | damaged() | st.just(SOUND))
@settings(max_examples=300, deadline=None)
def test_whatever_toml_holds_it_is_a_catalogue_or_an_error_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "property.toml"
    path.write_text("".join(f"{toml(key)} = {toml(value)}\n" for key, value in content.items()), "utf-8")
    try:
        catalogue = loaded(path)
    except CatalogueError as error:
        assert str(error).startswith("property.toml: ")  # noqa: PT017 - whether it is raised is what varies
        assert str(error).isprintable()  # noqa: PT017
        assert "swordfish" not in str(error)  # noqa: PT017
    else:
        assert catalogue.endpoints


@given(st.binary(max_size=40))
@settings(max_examples=100, deadline=None)
def test_whatever_a_file_holds_it_is_an_error_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    assert message(tmp_path_factory.getbasetemp() / "bytes.toml", content).startswith("bytes.toml: ")
