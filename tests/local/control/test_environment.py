from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

grpclib_const = pytest.importorskip("grpclib.const")
GRPCError = pytest.importorskip("grpclib.exceptions").GRPCError

from pytest_modal_bench.local.control.environment import Environment  # noqa: E402 - it needs the extra `modal`

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.local.containers.handle import ContainerHandle
    from pytest_modal_bench.local.containers.pool import Pool

FLUX, LORA = "http://127.0.0.1:8001", "http://127.0.0.1:8002"


@pytest.fixture
def environment(pools: dict[str, Pool]) -> Environment:
    return Environment("staging", pools)


def test_every_app_is_deployed_when_the_environment_is_made(
    environment: Environment, pools: dict[str, Pool]
) -> None:
    functions = [function for app in environment.apps for function in app.functions]

    assert [(function.url, function.pool) for function in functions] == list(pools.items())
    assert {app.deployed_at for app in environment.apps} == {environment.created_at}
    assert environment.created_at == pytest.approx(time.time(), abs=60)


def test_every_id_is_of_its_kind_and_its_own(environment: Environment, pools: dict[str, Pool]) -> None:
    ids = [environment.id]
    for app in environment.apps:
        (function,) = app.functions
        ids += [app.app_id, function.function_id, function.class_id]

    assert [each[:3] for each in ids] == ["en-", "ap-", "fu-", "cs-", "ap-", "fu-", "cs-"]
    assert len({*ids, Environment("staging", pools).id}) == len(ids) + 1


def test_an_app_is_found_by_its_name_and_by_its_id(environment: Environment) -> None:
    flux, lora = environment.apps

    assert environment.app("ryla-flux") is environment.app(flux.app_id) is flux
    assert environment.app("ryla-lora") is environment.app(lora.app_id) is lora


def test_functions_of_one_app_have_containers_and_a_url_each(function_pools: dict[str, Pool]) -> None:
    environment = Environment("staging", function_pools)
    (app,) = environment.apps
    draw, embed = app.functions

    assert (app.name, draw.app_id, embed.app_id) == ("shapes-functions", app.app_id, app.app_id)
    assert (draw.tag, draw.url, draw.method) == ("draw", FLUX, None)
    assert (embed.tag, embed.url, embed.pool) == ("embed", LORA, function_pools[LORA])
    assert environment.function(embed.function_id) is embed
    assert app.pools == list(function_pools.values())


def test_a_function_is_found_by_its_id_and_an_apps_id_is_no_functions(environment: Environment) -> None:
    flux, lora = environment.apps

    assert environment.function(lora.functions[0].function_id) is lora.functions[0]
    with pytest.raises(GRPCError):
        environment.function(flux.app_id)


def test_a_container_is_found_with_its_app_while_it_lives_and_after_its_end(
    environment: Environment, pools: dict[str, Pool], container: Callable[..., ContainerHandle]
) -> None:
    live, ended = container("ta-01LIVE"), container("ta-01ENDED")
    pools[LORA].containers.append(live)
    pools[FLUX].ended.append(ended)
    flux, lora = environment.apps

    assert environment.container("ta-01LIVE") == (lora.functions[0], live)
    assert environment.container("ta-01ENDED") == (flux.functions[0], ended)


@pytest.mark.parametrize(
    ("look_up", "message"),
    [
        (lambda environment: environment.app("gone"), "App 'gone' not found"),
        (lambda environment: environment.app(""), "App '' not found"),
        (lambda environment: environment.function("fu-gone"), "Function 'fu-gone' not found"),
        (lambda environment: environment.container("ta-gone"), "Container 'ta-gone' not found"),
        (lambda environment: environment.check_name("main"), "Environment 'main' not found"),
    ],
)
def test_what_does_not_exist_is_not_found_and_named(
    environment: Environment, look_up: Callable[[Environment], object], message: str
) -> None:
    with pytest.raises(GRPCError) as caught:
        look_up(environment)
    assert (caught.value.status, caught.value.message) == (grpclib_const.Status.NOT_FOUND, message)


@pytest.mark.parametrize("name", ["staging", ""])
def test_no_name_means_the_one_environment(environment: Environment, name: str) -> None:
    environment.check_name(name)
