from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.safety.secrets import ENVIRONMENT, Secret, sealed

if TYPE_CHECKING:
    from collections.abc import Mapping


def test_a_secrets_repr_says_nothing_and_it_is_used_as_the_text_it_is() -> None:
    secret = Secret(" s3cret ")
    assert repr(secret) == repr(secret.strip()) == "***"
    assert f"{[secret]}" == "[***]"
    assert secret.strip() == f"{secret.strip()}" == "s3cret"
    assert {secret.strip()} == {"s3cret"}


def test_the_environment_is_the_process_own_and_its_repr_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BENCH_KEY", "s3cret")
    environ: Mapping[str, str] = ENVIRONMENT
    assert (environ["BENCH_KEY"], environ.get("BENCH_NONE")) == ("s3cret", None)
    assert "BENCH_KEY" in set(environ)
    assert len(environ) > 0
    assert "s3cret" not in repr(environ) + repr(environ.get("BENCH_KEY")) + repr(dict(environ))


def works(secret: str) -> None:
    try:
        dict[str, int]()[secret]
    except LookupError:
        raise KeyboardInterrupt from None


def test_what_a_sealed_function_raises_carries_no_frame_below_it() -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        sealed(works)("s3cret")
    assert caught.value.__context__ is caught.value.__cause__ is None
    frames = {frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.value.__traceback__)}
    assert "works" not in frames


def test_an_unexpected_exception_says_where_it_was_raised() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        sealed(lambda: 1 / 0)()
    (note,) = caught.value.__notes__
    assert "test_secrets.py:" in note
