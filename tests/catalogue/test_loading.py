"""A catalogue as it is read: defaults, apps, bodies, headers, test resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modal_bench.catalogue import App, Catalogue, CatalogueError, Lora, ResourcePaths, load
from pytest_modal_bench.catalogue.fields import merged
from pytest_modal_bench.model import Endpoint, Expect, Poll

if TYPE_CHECKING:
    from pathlib import Path

MINIMAL = """
[apps.shop]
url = "https://shop.example"
[[endpoints]]
path = "/buy"
app = "shop"
category = "Shop"
"""


def read(directory: Path, content: str, *, root: Path | None = None, **names: Any) -> Catalogue:
    path = directory / "endpoints.toml"
    path.write_text(content, "utf-8")
    return load(path, root=root, **names)


def test_an_endpoint_needs_a_path_an_app_and_a_category(tmp_path: Path) -> None:
    catalogue = read(tmp_path, MINIMAL)
    assert catalogue == Catalogue(
        path=tmp_path / "endpoints.toml",
        workspace=None,
        environment=None,
        apps={"shop": App(name="shop", url="https://shop.example")},
        endpoints=(
            Endpoint(
                id="buy",
                name="Buy",
                path="/buy",
                app="shop",
                url="https://shop.example",
                pool="https://shop.example",
                category="Shop",
            ),
        ),
        resources=ResourcePaths(),
    )


def test_every_field_of_an_endpoint_is_kept(tmp_path: Path) -> None:
    fields = """
name = "Buy it"
description = ""
tags = ["fast", "till"]
method = "put"
timeout = 5
payload = [1, 2.5, "{seed}", true, {a = []}]
query = { page = 1, q = ["a", "{lora}"] }
headers = { Authorization = "Bearer {env:TOKEN}", X-Seed = "{seed}" }
expect = { kind = "json", json = ["a.b"], max_bytes = 10, min_duration = 0.5, distinct_from_input = true }
gpu = "T4"
"""
    [endpoint] = read(tmp_path, MINIMAL + fields).endpoints
    assert endpoint == Endpoint(
        id="buy",
        name="Buy it",
        path="/buy",
        app="shop",
        url="https://shop.example",
        pool="https://shop.example",
        category="Shop",
        tags=("fast", "till"),
        method="PUT",
        timeout=5.0,
        payload=[1, 2.5, "{seed}", True, {"a": []}],
        query={"page": 1, "q": ["a", "{lora}"]},
        headers={"Authorization": "Bearer {env:TOKEN}", "X-Seed": "{seed}"},
        needs=("lora",),
        expect=Expect(kind="json", json=("a.b",), max_bytes=10, min_duration=0.5, distinct_from_input=True),
        gpu="T4",
    )


def test_a_secret_is_looked_for_and_not_kept(tmp_path: Path) -> None:
    catalogue = read(tmp_path, f"{MINIMAL}headers.Modal-Key = '{{env:TOKEN}}'")
    assert catalogue.endpoints[0].headers == {"Modal-Key": "{env:TOKEN}"}
    assert "swordfish" not in repr(catalogue)


def test_a_form_may_hold_files(tmp_path: Path) -> None:
    form = "form = { file = '{mask:bytes}', more = ['{image:bytes}', 'x'], note = 'no {seed}' }"
    [endpoint] = read(tmp_path, f"{MINIMAL}{form}").endpoints
    assert endpoint.form == {"file": "{mask:bytes}", "more": ["{image:bytes}", "x"], "note": "no {seed}"}
    assert endpoint.payload is None
    assert endpoint.needs == ("image", "mask")


def test_needs_come_from_placeholders_wherever_they_stand_always_in_the_same_order(tmp_path: Path) -> None:
    fields = (
        "payload = { a = ['{lora}', { b = 'x{mask:base64}' }] }\nquery = { v = '{video}', i = '{image}' }"
    )
    [endpoint] = read(tmp_path, MINIMAL + fields).endpoints
    assert endpoint.needs == ("image", "video", "mask", "lora")


def test_text_in_doubled_braces_is_no_placeholder(tmp_path: Path) -> None:
    [endpoint] = read(tmp_path, f"{MINIMAL}payload.prompt = 'a {{{{image}}}} {{a|b}}'").endpoints
    assert endpoint.payload == {"prompt": "a {{image}} {a|b}"}
    assert endpoint.needs == ()


def test_the_gpu_is_the_endpoints_or_else_its_apps(tmp_path: Path) -> None:
    apps = (
        '[apps.shop]\nurl = "https://a.example"\nfunction = "Till.web"\ngpu = "L4"\nscaledown_window = 30\n'
    )
    endpoints = "".join(
        f'[[endpoints]]\npath = "/{path}"\napp = "shop"\ncategory = "A"\n{more}\n'
        for path, more in {"one": "", "two": 'gpu = "T4"'}.items()
    )
    catalogue = read(tmp_path, apps + endpoints)
    assert [endpoint.gpu for endpoint in catalogue.endpoints] == ["L4", "T4"]
    assert catalogue.apps["shop"] == App(
        name="shop", url="https://a.example", function="Till.web", gpu="L4", scaledown_window=30
    )


def test_defaults_stand_in_for_what_an_endpoint_leaves_out(tmp_path: Path) -> None:
    defaults = """
[defaults]
timeout = 30
app = "shop"
category = "All"
tags = ["all"]
payload = { a = 1, b = 2 }
headers = { X-A = "default", X-B = "default" }
query = { a = 1, b = 2 }
expect = { kind = "image", width = 3 }
gpu = "H100"
[apps.shop]
url = "https://shop.example"
gpu = "L4"
[[endpoints]]
path = "/one"
[[endpoints]]
path = "/two"
timeout = 40
tags = ["two", "all"]
form = { c = 3 }
headers = { x-a = "own" }
query = { b = 3 }
expect = { kind = "json" }
"""
    one, two = read(tmp_path, defaults).endpoints
    assert (one.category, one.timeout, one.tags, one.gpu) == ("All", 30, ("all",), "H100")
    assert (one.payload, one.form) == ({"a": 1, "b": 2}, None)
    assert one.expect == Expect(kind="image", width=3)
    assert (two.category, two.timeout, two.tags) == ("All", 40, ("all", "two"))
    assert (two.payload, two.form) == (None, {"c": 3})
    assert two.headers == {"X-B": "default", "x-a": "own"}
    assert two.query == {"a": 1, "b": 3}
    assert two.expect == Expect(kind="json")


tables = st.fixed_dictionaries(
    {},
    optional={
        "timeout": st.floats(1, 10),
        "name": st.text(min_size=1, max_size=3),
        "tags": st.lists(st.sampled_from("abc"), max_size=3).map(tuple),
        "query": st.dictionaries(st.sampled_from("ab"), st.integers()),
        "headers": st.dictionaries(st.sampled_from(["A", "a", "B"]), st.text(max_size=2)),
    },
)


@given(tables, tables)
def test_own_fields_win_and_nothing_else_is_lost(defaults: dict[str, object], own: dict[str, object]) -> None:
    both = merged(defaults, own)
    assert both.keys() == defaults.keys() | own.keys()
    for name, value in own.items():
        if isinstance(value, dict):
            assert both[name].items() >= value.items()
            kept = {key.lower() for key in both[name]}
            assert kept == {key.lower() for key in (*value, *defaults.get(name, {}))}  # type: ignore[misc]
        elif isinstance(value, tuple):
            assert set(both[name]) == {*value, *defaults.get(name, ())}  # type: ignore[misc]
        else:
            assert both[name] == value
    assert merged(defaults, {}) == merged({}, defaults)


def test_workspace_and_environment_are_filled_into_urls_and_the_ones_given_win(tmp_path: Path) -> None:
    content = MINIMAL.replace("shop.example", "{workspace}-{environment}--shop.example/v1/")
    content = f'workspace = "acme"\nenvironment = "main"\n{content}'
    catalogue = read(tmp_path, content)
    assert (catalogue.workspace, catalogue.environment) == ("acme", "main")
    assert catalogue.endpoints[0].url == "https://acme-main--shop.example/v1"
    catalogue = read(tmp_path, content, workspace="ryla", environment="dev")
    assert (catalogue.workspace, catalogue.environment) == ("ryla", "dev")
    assert catalogue.apps["shop"].url == "https://ryla-dev--shop.example/v1"
    assert catalogue.pools == ("https://ryla-dev--shop.example",)


@pytest.mark.parametrize(
    ("url", "pool"),
    [
        ("https://shop.example/a/b", "https://shop.example"),
        ("https://Shop.Example:443", "https://shop.example"),
        ("https://shop.example:80", "https://shop.example:80"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_pool_is_named_by_scheme_host_and_port(tmp_path: Path, url: str, pool: str) -> None:
    assert read(tmp_path, MINIMAL.replace("https://shop.example", url)).endpoints[0].pool == pool


def test_apps_may_share_a_path_and_a_pool(tmp_path: Path) -> None:
    apps = "".join(
        f'[apps.{app}]\nurl = "https://{host}.example"\n'
        for app, host in {"x": "one", "y": "two", "z": "one"}.items()
    )
    endpoints = "".join(
        f'[[endpoints]]\npath = "/generate"\napp = "{app}"\ncategory = "A"\n' for app in "xyz"
    )
    catalogue = read(tmp_path, apps + endpoints)
    assert [endpoint.id for endpoint in catalogue.endpoints] == ["x-generate", "y-generate", "z-generate"]
    assert catalogue.pools == ("https://one.example", "https://two.example")


def test_other_urls_leave_the_pools_their_names(tmp_path: Path) -> None:
    catalogue = read(tmp_path, MINIMAL)
    served = catalogue.with_urls({"shop": "http://127.0.0.1:8000/", "other": "http://127.0.0.1:8001"})
    assert served.endpoints[0].url == served.apps["shop"].url == "http://127.0.0.1:8000"
    assert served.pools == catalogue.pools == ("https://shop.example",)
    assert catalogue.endpoints[0].url == "https://shop.example"


def test_an_app_that_is_not_served_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError) as caught:
        read(tmp_path, MINIMAL).with_urls({"a": "http://127.0.0.1:1", "b": "http://127.0.0.1:2"})
    expected = "endpoints.toml: apps.shop: this workspace does not serve it; it serves a, b"
    assert str(caught.value) == expected


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert read(tmp_path, "\N{ZERO WIDTH NO-BREAK SPACE}" + MINIMAL).endpoints


RESOURCES = '\n[resources]\nimage = "media/a.png"\nvideo = "media/b.mp4"\n'


def test_a_resource_is_looked_for_from_the_catalogue_up_to_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    inner = root / "tests" / "endpoints"
    inner.mkdir(parents=True)

    def put_image(directory: Path) -> None:
        (directory / "media").mkdir()
        (directory / "media" / "a.png").touch()

    def found() -> tuple[Path | None, Path | None]:
        paths = read(inner, MINIMAL + RESOURCES, root=root).resources
        return paths.image, paths.video

    put_image(tmp_path)
    assert found() == (inner / "media" / "a.png", inner / "media" / "b.mp4")
    put_image(root)
    assert found() == (root / "media" / "a.png", root / "media" / "b.mp4")
    put_image(inner)
    assert found() == (inner / "media" / "a.png", inner / "media" / "b.mp4")


def test_a_resource_of_a_catalogue_outside_the_root_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.png").touch()
    inner = tmp_path / "inner"
    inner.mkdir()
    paths = read(inner, MINIMAL + RESOURCES, root=tmp_path / "elsewhere").resources
    assert paths.image == inner / "media" / "a.png"
    assert paths.mask is None


def test_a_resource_may_have_an_absolute_path(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    resources = f"[resources]\nmask = '{tmp_path / 'mask.png'}'"
    assert read(inner, f"{MINIMAL}{resources}").resources.mask == tmp_path / "mask.png"


def test_a_lora_has_an_id_and_may_have_an_endpoint_to_ask(tmp_path: Path) -> None:
    content = MINIMAL + "payload.lora = '{lora}'\n[resources.lora]\nid = 'test'\n"
    assert read(tmp_path, content).resources.lora == Lora(id="test")
    assert read(tmp_path, f"{content}probe = '/buy'").resources.lora == Lora(id="test", probe="/buy")


names = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,5}", fullmatch=True)


@given(st.lists(st.tuples(names, names), min_size=1, max_size=6, unique=True))
@settings(deadline=None)
def test_endpoints_keep_their_order_and_have_ids_of_their_own(
    tmp_path_factory: pytest.TempPathFactory, routes: list[tuple[str, str]]
) -> None:
    apps = dict.fromkeys(app for app, _ in routes)
    content = "".join(f'[apps."{app}"]\nurl = "https://{{workspace}}.example"\n' for app in apps) + "".join(
        f'[[endpoints]]\napp = "{app}"\npath = "/{path}"\ncategory = "A"\n' for app, path in routes
    )
    catalogue = read(tmp_path_factory.mktemp("catalogue"), content, workspace="acme")
    assert [(endpoint.app, endpoint.path[1:]) for endpoint in catalogue.endpoints] == routes
    assert len({endpoint.id for endpoint in catalogue.endpoints}) == len(routes)


def test_the_name_of_an_app_is_the_catalogues_and_modals_stands_beside(tmp_path: Path) -> None:
    content = MINIMAL.replace("[apps.shop]", '[apps.shop]\napp = "big-shop"\nfunction = "buy"')
    catalogue = read(tmp_path, content)
    assert (catalogue.apps["shop"].deployed, catalogue.endpoints[0].app) == ("big-shop", "shop")
    assert catalogue.endpoints[0].deployed_app == "big-shop"
    assert read(tmp_path, MINIMAL).endpoints[0].deployed_app == "shop"


def test_functions_of_one_app_have_a_host_and_a_pool_each(tmp_path: Path) -> None:
    tables = "".join(
        f'[apps.{name}]\napp = "models"\nfunction = "{name}"\nurl = "https://models-{name}.example"\n'
        for name in ("draw", "speak")
    )
    endpoints = "".join(
        f'[[endpoints]]\npath = "/"\napp = "{name}"\ncategory = "All"\n' for name in ("draw", "speak")
    )
    catalogue = read(tmp_path, tables + endpoints)
    assert [each.name for each in catalogue.endpoints] == ["Draw", "Speak"]
    assert {each.deployed_app for each in catalogue.endpoints} == {"models"}
    assert catalogue.pools == ("https://models-draw.example", "https://models-speak.example")


@pytest.mark.parametrize(
    ("environment", "host"),
    [(None, "acme--shop.example"), ("main", "acme--shop.example"), ("staging", "acme-staging--shop.example")],
)
def test_the_suffix_of_an_environment_is_empty_for_the_main_one(
    tmp_path: Path, environment: str | None, host: str
) -> None:
    content = 'workspace = "acme"\n' + MINIMAL.replace(
        "https://shop.example", "https://{workspace}{environment_suffix}--shop.example"
    )
    assert read(tmp_path, content, environment=environment).endpoints[0].url == f"https://{host}"


def test_a_test_resource_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "voice.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    content = f"[resources]\nvoice = 'voice.wav'\n{MINIMAL}form = {{ file = '{{voice:bytes}}' }}"
    catalogue = read(tmp_path, content)
    assert catalogue.resources == ResourcePaths(others={"voice": tmp_path / "voice.wav"})
    assert catalogue.endpoints[0].needs == ("voice",)


def test_a_test_resource_that_the_catalogue_does_not_name_is_needed_all_the_same(tmp_path: Path) -> None:
    [endpoint] = read(tmp_path, MINIMAL + "payload = { speaker = '{voice}', picture = '{image}' }").endpoints
    assert endpoint.needs == ("image", "voice")


def test_two_endpoints_may_share_a_path_if_their_names_differ(tmp_path: Path) -> None:
    more = MINIMAL.partition("[[endpoints]]")[2]
    content = f'{MINIMAL}name = "Small size"\n[[endpoints]]{more}name = "Large"\n'
    assert [each.id for each in read(tmp_path, content).endpoints] == ["buy-small-size", "buy-large"]


def test_streams_and_jobs_are_read(tmp_path: Path) -> None:
    [stream] = read(tmp_path, MINIMAL + 'stream = "ndjson"').endpoints
    assert (stream.stream, stream.poll) == ("ndjson", None)
    [job] = read(tmp_path, MINIMAL + 'poll = { path = "/r/{id}" }').endpoints
    assert (job.stream, job.poll) == (None, Poll(path="/r/{id}"))
