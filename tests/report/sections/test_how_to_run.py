from __future__ import annotations

import shlex
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from report_runs import result, run

from pytest_modal_bench.report.sections.how_to_run import how_to_run

if TYPE_CHECKING:
    from pytest_modal_bench.model import Run


def commands(given: Run) -> dict[str, str]:
    """Return the commands by their comments."""
    lines = how_to_run(given).splitlines()
    return {
        comment.removeprefix("# "): command
        for comment, command in pairwise(lines)
        if comment.startswith("# ")
    }


def test_this_run_comes_first_and_the_others_are_folded() -> None:
    shown, _, folded = how_to_run(run([result()], command="pytest --modal-bench")).partition("<details>")
    assert shown == "```bash\n# This run again\npytest --modal-bench\n```\n\n"
    assert "--modal-bench-quick" in folded


def test_without_its_command_a_full_run_comes_first() -> None:
    assert next(iter(commands(run([result()])))) == "Full benchmark (cold + warm)"


def test_place_and_catalogue_of_this_run_are_kept_and_nothing_else() -> None:
    command = (
        "pytest --modal-bench --modal-bench-catalogue=my endpoints.toml -k flux --modal-bench-rounds=9"
        " --modal-bench-scenario reference"
    )
    quoted = command.replace("my endpoints.toml", "'my endpoints.toml'")
    kept = commands(run([result()], workspace="acme", environment="staging", command=quoted))

    assert shlex.split(kept["Full benchmark (cold + warm)"]) == [
        *("pytest", "--modal-bench", "--modal-bench-workspace=acme", "--modal-bench-environment=staging"),
        *("--modal-bench-catalogue=my endpoints.toml", "--modal-bench-scenario=reference"),
    ]


def test_a_command_that_cannot_be_read_is_shown_and_nothing_is_kept_of_it() -> None:
    broken = commands(run([result()], command="pytest 'unclosed"))
    assert broken["This run again"] == "pytest 'unclosed"
    assert broken["Full benchmark (cold + warm)"] == "pytest --modal-bench --modal-bench-workspace=ryla"


@pytest.mark.parametrize(
    ("categories", "word"),
    [
        (["Face Consistency", "Video"], "face-consistency"),
        (["Größe", "Video"], "video"),
        (["Not", "Video"], "video"),
        (["Größe", ""], None),
        ([], None),
    ],
)
def test_the_category_is_one_of_this_run_that_the_option_k_takes(
    categories: list[str], word: str | None
) -> None:
    listed = commands(run([result(f"E{n}", category) for n, category in enumerate(categories)]))
    asked = listed.get("One category, by its name or slug")
    assert asked == (word and f"pytest --modal-bench --modal-bench-workspace=ryla -k {word}")


def test_a_category_in_which_something_fails_comes_first() -> None:
    both = [result("A", "Flux"), result("B", "Video", status="failed")]
    assert commands(run(both))["One category, by its name or slug"].endswith(" -k video")


def test_resources_are_made_and_a_lora_is_trained_only_where_they_are_missing() -> None:
    missing = commands(run([result()], resources={"image": False, "video": False, "lora": False}))
    there = commands(run([result()], resources={"image": True, "video": None, "lora": True}))

    assert missing["Generate test resources only"].endswith(" --modal-bench-generate=image,video")
    assert missing["To enable LoRA endpoints, train a test LoRA first:"].startswith("modal run ")
    assert not {"Generate test resources only", "To enable LoRA endpoints, train a test LoRA first:"} & {
        *there
    }
