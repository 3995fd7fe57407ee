from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project, Service

# Not `importorskip`: Locust changes the process that imports it.
pytestmark = pytest.mark.skipif(find_spec("locust") is None, reason="Locust is not installed")

BURST = "--modal-bench-load=burst=3"


def loads(project: Project) -> dict[str, Any]:
    return {result["id"]: result["load"] for result in project.report()["results"]}


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "workers"])
def test_each_endpoint_is_put_under_load_after_all_have_been_called_one_by_one(
    project: Project, service: Service, workers: tuple[str, ...]
) -> None:
    project.catalogue(service.url, "/a", "/b")

    result = project.run("--modal-bench", BURST, "--modal-bench-load=users=1 duration=0.2", *workers)

    result.assert_outcomes(passed=4)
    found = loads(project)
    for load in found.values():
        burst, users = load["steps"]
        assert (burst["kind"], burst["n"], burst["answered"], burst["errors"]) == ("burst", 3, 3, {})
        assert (users["kind"], users["value"]) == ("users", 1)
        assert users["n"] == users["answered"] > 0
        assert load["engine"].startswith("Locust ")
    made = sum(step["n"] + step["under_way"] for load in found.values() for step in load["steps"])
    serial = sum(len(each["samples"]) for each in project.report()["results"])
    assert len(service.calls) == serial + made
    assert set(service.calls[:serial]) == {"/a", "/b"}
    assert len(set(service.calls[serial : serial + 3])) == 1, "loads are made one after the other"


def test_a_worker_that_dies_before_keeps_no_load_waiting(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/a", "/b")
    project.pytester.makeconftest(
        "import os\n"
        "def pytest_runtest_call(item):\n"
        "    if item.name == 'test_endpoint[a]':\n"
        "        os._exit(1)\n"
    )

    project.run("--modal-bench", BURST, "-n", "2")

    assert {name: load["steps"][0]["n"] for name, load in loads(project).items()} == {"a": 3, "b": 3}


def test_loads_are_chosen_by_keywords_and_stand_alone(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/a", "/b")

    result = project.run("--modal-bench", BURST, "-k", "under_load and b")

    result.assert_outcomes(passed=1, deselected=3)
    assert service.calls == ["/b"] * 3
    (found,) = project.report()["results"]
    assert (found["id"], found["status"], found["verdict"], found["samples"]) == ("b", "success", "PASS", [])


def test_a_load_may_stand_in_the_catalogue_and_the_option_beats_it(
    project: Project, service: Service
) -> None:
    file = project.catalogue(service.url, "/a", "/b")
    own = file.read_text().replace('path = "/b"', 'path = "/b"\nload = "burst=4"')
    file.write_text(own + '\n[load]\nspec = "burst=2"\n')

    project.run("--modal-bench", "--modal-bench-load-only").assert_outcomes(passed=2, deselected=2)
    assert {name: load["steps"][0]["n"] for name, load in loads(project).items()} == {"a": 2, "b": 4}
    project.run("--modal-bench", "--modal-bench-load-only", BURST)
    assert {name: load["steps"][0]["n"] for name, load in loads(project).items()} == {"a": 3, "b": 3}


def test_a_mix_calls_all_endpoints_together_by_their_weights(project: Project, service: Service) -> None:
    file = project.catalogue(service.url, "/a", "/b")
    own = file.read_text().replace('path = "/b"', 'path = "/b"\nload_weight = 4')
    # By rate, so that the number of calls to draw for does not depend on how busy the machine is.
    file.write_text(own + '\n[load]\nspec = "rate=40 duration=3"\nmix = true\n')

    project.run("--modal-bench", "--modal-bench-load-only").assert_outcomes(passed=2, deselected=2)

    made = {name: load["steps"][0] for name, load in loads(project).items()}
    counted = {name: step["n"] + step["under_way"] for name, step in made.items()}
    assert counted == {name: service.calls.count(f"/{name}") for name in ("a", "b")}
    assert counted["a"] < counted["b"]


def test_an_endpoint_that_fails_under_load_fails_its_test(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/fail", "/ok")

    result = project.run("--modal-bench", "--modal-bench-load-only", BURST)

    result.assert_outcomes(passed=1, failed=1, deselected=2)
    assert result.ret == 1
    found = {each["id"]: each for each in project.report()["results"]}
    assert (found["fail"]["status"], found["fail"]["verdict"]) == ("failed", "FAIL")
    assert sum(found["fail"]["load"]["steps"][0]["errors"].values()) == 3
    assert found["ok"]["verdict"] == "PASS"


def test_budgets_hold_under_load(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    args = ("--modal-bench", "--modal-bench-load-only", "--modal-bench-load=users=4 duration=2")

    assert project.run(*args, "--modal-bench-budget=max_p95=30 max_errors=0.01").ret == 0
    result = project.run(*args, "--modal-bench-budget=max_p95=0.0001")
    assert result.ret == 1
    (found,) = project.report()["results"]
    assert found["verdict"] == "FAIL"
    assert "p95" in found["reasons"][0]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("user=1", "'user=1' names no load"),
        ("users=0", "users=0: '0' is not a whole number from 1 up to 10000"),
        ("users=1 rate=2", "'users=1 rate=2' names users and rate"),
    ],
)
def test_a_load_that_is_none_is_one_line(project: Project, spec: str, said: str) -> None:
    project.catalogue("http://127.0.0.1:9", "/ok")
    assert project.usage_error("--modal-bench", f"--modal-bench-load={spec}").startswith(
        f"--modal-bench-load: {said}"
    )


def test_one_that_stands_in_the_catalogue_names_its_endpoint(project: Project) -> None:
    file = project.catalogue("http://127.0.0.1:9", "/ok")
    file.write_text(file.read_text().replace('path = "/ok"', 'path = "/ok"\nload = "many"'))

    assert project.usage_error("--modal-bench").startswith("endpoints.toml: /ok: load: 'many'")


def test_without_locust_one_line_says_what_to_install(
    project: Project, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.catalogue(service.url, "/ok")
    tmp_path.joinpath("hidden.py").write_text(
        "import sys\nimport importlib.util as u\n_find = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'locust' else _find(name, *more)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    said = project.usage_error("-p", "hidden", "--modal-bench", BURST)

    assert "pip install" in said
    assert "pytest-modal-bench[load]" in said
    assert service.calls == []


def test_without_a_load_nothing_of_it_is_imported(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.makeconftest(
        "import sys\n"
        "def pytest_unconfigure():\n"
        "    heavy = ('locust', 'gevent', 'pytest_modal_bench.load')\n"
        "    found = [name for name in sys.modules if name.startswith(heavy)]\n"
        "    assert not found, found\n"
    )
    assert project.run("--modal-bench", fresh=True).ret == 0
    assert "locust" not in sys.modules
