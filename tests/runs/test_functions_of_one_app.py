"""Functions of one Modal app, forced to zero one by one or at once: none loses what another has started."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import modal  # noqa: F401 - pytester forgets what a test has imported, and the SDK can't be loaded a second time
import pytest

from pytest_modal_bench.control.interface import Autoscaler
from pytest_modal_bench.local.launch import launch
from pytest_modal_bench.run.control import Credentials, connect

if TYPE_CHECKING:
    from project import Project

pytestmark = pytest.mark.usefixtures("prepared_programs")

pytest.importorskip("modal")

APP = "shapes-functions"
PAYLOADS = {
    "draw": '{ prompt = "A garden", width = 64, height = 64, seed = "{seed}" }',
    "embed": '{ input = "A garden" }',
    "speak": '{ input = "A garden", seed = "{seed}" }',
}
BEFORE = Autoscaler(min_containers=0, max_containers=3, buffer_containers=0, scaledown_window=3000)

DESCRIBED = """
[apps.{name}]
app = "shapes-functions"
function = "{name}"
[[endpoints]]
path = "/"
app = "{name}"
category = "Functions"
payload = {payload}
"""


@pytest.mark.parametrize("spread", [(), ("-n", "3")], ids=["one by one", "at once"])
def test_each_is_proven_and_forced_by_itself(
    project: Project, monkeypatch: pytest.MonkeyPatch, spread: tuple[str, ...]
) -> None:
    (project.pytester.path / "endpoints.toml").write_text(
        "".join(DESCRIBED.format(name=name, payload=payload) for name, payload in PAYLOADS.items())
    )
    with launch("healthy", 0.01, catalogue="shapes", control=True) as workspace:
        assert workspace.control is not None
        monkeypatch.setenv("MODAL_SERVER_URL", workspace.control.url)
        monkeypatch.setenv("MODAL_TOKEN_ID", workspace.control.token_id)
        monkeypatch.setenv("MODAL_TOKEN_SECRET", workspace.control.token_secret)
        plane = connect(Credentials(*workspace.control), "main")
        try:
            functions = {name: plane.function(APP, name) for name in PAYLOADS}
            for function in functions.values():
                function.set_autoscaler(BEFORE)
            result = project.run(
                "--modal-bench",
                "--modal-bench-environment=main",
                "--modal-bench-cold=force",
                "--modal-bench-cold-rounds=2",
                "--modal-bench-rounds=3",
                *spread,
                timeout=180,
            )
            left = {name: function.own_containers() for name, function in functions.items()}
            settings = [function.autoscaler() for function in functions.values()]
        finally:
            plane.close()

    assert result.parseoutcomes() == {"passed": len(PAYLOADS)}, result.stdout.str()
    new: set[str] = set()
    for each in project.report()["results"]:
        samples = each["samples"]
        assert [sample["start"] for sample in samples] == ["cold", "cold", "warm", "warm", "warm"], each["id"]
        assert (each["retaken"], each["cold_verified"]) == (0, True)
        for sample in samples[:2]:
            assert sample["proof"] == f"no container before, {sample['container']} after"
            new.add(sample["container"])
        assert all(one["container"] == other["container"] for one, other in pairwise(samples[1:]))
        last = samples[-1]["container"]
        assert left[each["app"]] == frozenset({last}), "the others have not ended it"
    assert len(new) == 2 * len(PAYLOADS)
    assert settings == [BEFORE] * len(PAYLOADS)
