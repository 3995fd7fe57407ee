from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from report_runs import result

from pytest_modal_bench.report.labels import Labels


def test_endpoints_that_share_a_path_are_told_apart() -> None:
    results = [result(name, path="/", id=f"{name}-root") for name in ("flux", "wan", "sdxl")]
    labels = Labels(results)

    assert [labels.path(each) for each in results] == ["flux-root", "wan-root", "sdxl-root"]
    assert [labels.name(each) for each in results] == ["flux", "wan", "sdxl"]


def test_the_root_alone_is_called_by_its_name() -> None:
    root = result("Flux", path="/")
    assert Labels([root]).path(root) == "Flux"
    nameless = result("/", path="/", id="root")
    assert Labels([nameless]).name(nameless) == "root"


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "/", "Flux", "Wan"]), st.sampled_from(["/", "/a", "/b"])), max_size=6
    )
)
def test_no_two_endpoints_are_called_the_same(given_names: list[tuple[str, str]]) -> None:
    results = [result(name, path=path, id=f"id-{index}") for index, (name, path) in enumerate(given_names)]
    labels = Labels(results)
    for call in (labels.name, labels.path):
        assert len({call(each) for each in results}) == len(results)
