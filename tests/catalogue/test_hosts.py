from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_modal_bench.catalogue import CatalogueError, hosts
from pytest_modal_bench.catalogue.errors import Place

PLACE = Place(("endpoints.toml", "apps.shop", "url"))
NAMES = {"workspace": "ryla", "environment": None}

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
urls = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["http", "https"]),
    st.lists(labels, min_size=1, max_size=3).map(".".join),
    st.just("") | st.integers(1, 65535).map(":{}".format),
    st.lists(labels, max_size=3).map(lambda parts: "".join(f"/{part}" for part in parts)),
    st.sampled_from(["", "/", "//"]),
)


def base_url(template: str) -> str:
    return hosts.base_url(template, NAMES, PLACE)


@pytest.mark.parametrize("name", ["ryla", "Ryla-2", "a.b_c", "0"])
def test_a_name_may_have_letters_digits_dashes_dots_and_underscores(name: str) -> None:
    hosts.check_name(name, PLACE)


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "a\n", "é", "a@b", "{workspace}"])
def test_a_name_that_could_change_a_url_is_refused(name: str) -> None:
    with pytest.raises(CatalogueError, match=r"^endpoints.toml: apps.shop: url: expected a name of ASCII"):
        hosts.check_name(name, PLACE)


def test_names_are_put_in_wherever_they_stand() -> None:
    assert base_url("https://{workspace}--{workspace}.modal.run/{workspace}/") == (
        "https://ryla--ryla.modal.run/ryla"
    )


def test_a_name_without_a_value_says_where_to_give_one() -> None:
    with pytest.raises(CatalogueError, match=r"\{environment\} has no value; .* --modal-bench-environment$"):
        base_url("https://{environment}.modal.run")


@given(urls)
def test_a_base_url_keeps_everything_but_the_slashes_at_its_end(url: str) -> None:
    made = base_url(url)

    assert made == url.rstrip("/")
    assert base_url(made) == made


@given(st.text(max_size=30), st.sampled_from(["http", "https", "ftp", ""]))
@example("{\x1f}", "http")
def test_any_text_is_a_plain_url_or_refused_in_one_line(text: str, scheme: str) -> None:
    made: str | CatalogueError
    try:
        made = base_url(f"{scheme}://{text}")
    except CatalogueError as error:
        made = error
    if isinstance(made, CatalogueError):
        assert str(made).isprintable()
    else:
        assert made.startswith(("http://", "https://"))
        assert made.isprintable()
        assert not set(made) & set(" ?#{}\\@")
        assert hosts.pool(made)


@pytest.mark.parametrize(
    "url",
    [
        "https://me:swordfish@shop.example",
        "https://shop.example?key=swordfish",
        "https://shop.example#swordfish",
        "https://swordfish:99999",
        "swordfish://shop.example",
        "https://shop.example/swordfish and more",
    ],
)
def test_no_message_repeats_what_may_be_a_secret(url: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        base_url(url)
    assert "swordfish" not in str(caught.value)


def test_port_0_is_no_port() -> None:
    with pytest.raises(CatalogueError, match="expected a URL with a host"):
        base_url("https://shop.example:0")


@given(urls)
def test_a_pool_has_no_path_and_is_the_pool_of_itself(url: str) -> None:
    pool = hosts.pool(base_url(url))

    assert pool.count("/") == 2
    assert hosts.pool(pool) == pool
    assert base_url(url).startswith(pool) or pool + (":443" if pool.startswith("https") else ":80") in url


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://shop.example/a", "https://shop.example/b"),
        ("https://Shop.Example", "https://shop.example:443"),
        ("http://shop.example", "http://shop.example:80/a"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_urls_of_one_host_and_port_are_one_pool(one: str, other: str) -> None:
    assert hosts.pool(one) == hosts.pool(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://shop.example", "http://shop.example"),
        ("https://shop.example", "https://shop.example:80"),
        ("https://shop.example", "https://a.shop.example"),
    ],
)
def test_another_scheme_port_or_host_is_another_pool(one: str, other: str) -> None:
    assert hosts.pool(one) != hosts.pool(other)
