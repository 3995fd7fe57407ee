from __future__ import annotations

import json
import subprocess
import sys

from pytest_modal_bench.local.control.address import ControlAccess

ACCESS = ControlAccess(url="http://127.0.0.1:1", token_id="ak-1", token_secret="as-2")  # noqa: S106 - no secret


def test_it_goes_as_json_to_the_process_that_launched_the_workspace() -> None:
    assert ControlAccess(**json.loads(json.dumps(ACCESS._asdict()))) == ACCESS


def test_it_can_be_unpacked_in_the_order_of_the_sdks_variables() -> None:
    assert tuple(ACCESS) == ("http://127.0.0.1:1", "ak-1", "as-2")


def test_its_module_needs_nothing_but_the_standard_library() -> None:
    script = (
        "import sys; import pytest_modal_bench.local.control.address;"
        "print(sorted({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, check=True, timeout=20)
    assert done.stdout.decode().strip() == "['__main__', 'pytest_modal_bench']"
