"""What tests of a user's own get: the endpoint, its result, and the test resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from project import ROOT

if TYPE_CHECKING:
    from project import Project, Service

PORTRAIT, MASK = (ROOT / "fixtures" / name for name in ("portrait.png", "mask.png"))


def test_an_endpoint_is_measured_once_for_all_its_tests(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok-a", "/fail-b")
    project.pytester.makepyfile("""
        def test_result(endpoint, endpoint_result):
            assert endpoint_result.path == endpoint.path
            assert [sample.start for sample in endpoint_result.samples] == ["cold", "warm"]
            assert endpoint_result.warm_time_sec < 5

        def test_again(measure_endpoint):
            assert measure_endpoint() is measure_endpoint()

        def test_that_only_looks(endpoint):
            assert endpoint.path.startswith("/")
    """)

    result = project.run("--modal-bench", "--modal-bench-rounds=1", "--benchmark-json=bench.json")

    result.assert_outcomes(passed=4, failed=1, errors=1)
    assert service.calls == ["/ok-a", "/ok-a", "/fail-b"], "what failed is not tried again either"
    assert project.statuses() == {"/ok-a": "success", "/fail-b": "failed"}
    names = [benchmark["name"] for benchmark in project.report("bench.json")["benchmarks"]]
    assert len(names) == len(set(names)) == 2


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_a_check_of_ones_own_that_fails_fails_the_verdict_and_leaves_what_was_measured(
    project: Project, service: Service, workers: list[str]
) -> None:
    project.catalogue(service.url, "/ok-a", "/ok-b")
    project.pytester.makepyfile("""
        def test_checked(endpoint_result):
            assert endpoint_result.path == "/ok-a", "too slow <b>"

        def test_other(endpoint_result): ...
    """)

    result = project.run("--modal-bench", "--modal-bench-rounds=1", *workers)

    assert result.ret == 1
    result.assert_outcomes(passed=3, failed=1)
    fine, wrong = project.report()["results"]
    assert fine["status"] == "success"
    assert (wrong["status"], wrong["error"]) == ("success", None), "the endpoint answered"
    assert wrong["verdict"] == "FAIL"
    assert wrong["reasons"][0].startswith("AssertionError: too slow <b>")
    assert wrong["warm_time_sec"] > 0, "what was measured is kept"
    assert "too slow <b>" not in (project.pytester.path / "modal-bench-report.md").read_text(), "not escaped"


def test_a_test_that_never_measures_is_no_success(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.makepyfile("def test_that_only_looks(endpoint): ...")

    result = project.run("--modal-bench")

    assert result.ret == 1, "nothing was measured"
    assert not service.calls
    assert project.statuses() == {"/ok": "not_run"}


def test_a_test_may_be_skipped_or_broken_before_it_measures(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok-a", "/ok-b")
    project.pytester.makepyfile("""
        import pytest

        @pytest.fixture
        def prepared(endpoint):
            if endpoint.path == "/ok-a":
                pytest.skip("not today")
            raise RuntimeError("broken")

        def test_it(prepared, endpoint_result): ...
    """)

    project.run("--modal-bench").assert_outcomes(skipped=1, errors=1)

    skipped, broken = project.report()["results"]
    assert (skipped["status"], skipped["skipped_reason"]) == ("skipped", "not today")
    assert (broken["status"], broken["error"]) == ("failed", "RuntimeError: broken")
    assert not service.calls


def test_further_parameters_of_a_users_own(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok", "/ok-fast", apps=2)
    project.pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("device", ["cpu", "gpu"])
        def test_it(endpoint_result, device): ...
    """)

    for workers in ([], ["-n", "2"]):
        service.calls.clear()
        project.run("--modal-bench", "--modal-bench-rounds=1", *workers).assert_outcomes(passed=4)
        assert sorted(service.calls) == ["/ok", "/ok", "/ok-fast", "/ok-fast"]
        assert project.statuses() == {"/ok": "success", "/ok-fast": "success"}


RESOURCE_TESTS = """
    def test_image(endpoint, test_image):
        assert test_image.media_type == "image/png" and test_image.data[1:4] == b"PNG"

    def test_mask(endpoint, test_mask, test_image):
        assert test_mask.data != test_image.data

    def test_video(endpoint, test_video):
        assert test_video.media_type == "video/mp4"

    def test_lora(endpoint, test_lora):
        assert test_lora == "known"
"""


def test_a_resource_of_any_name_is_asked_for_by_its_name(project: Project, service: Service) -> None:
    (project.pytester.path / "voice.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    resources = '[resources]\nvoice = "voice.wav"'
    project.catalogue(service.url, "/ok", more=resources)
    project.pytester.makepyfile("""
        def test_voice(endpoint, test_resource):
            assert test_resource("voice").media_type == "audio/wav"

        def test_song(endpoint, test_resource):
            test_resource("song")
    """)

    result = project.run("--modal-bench", "-rs")

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*Missing: song*"])


def test_resources_are_those_of_the_catalogue(project: Project, service: Service) -> None:
    resources = f'[resources]\nimage = "{PORTRAIT}"\nmask = "{MASK}"\nlora = {{ id = "known" }}'
    project.catalogue(service.url, "/ok", more=resources)
    project.pytester.makepyfile(RESOURCE_TESTS)

    result = project.run("--modal-bench", "-rs")

    result.assert_outcomes(passed=3, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED [[]1] *: Missing: test video"])


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_what_is_missing_is_said_before_anything_is_sent(
    project: Project, service: Service, workers: list[str]
) -> None:
    needs = {
        "/ok-a": '{ a = "{image}" }',
        "/ok-b": '{ a = ["{video}"] }',
        "/ok-c": '{ a = "{mask:base64}" }',
        "/lora-d": '{ lora_id = "{lora}" }',
        "/lora-e": '{ lora_id = "{lora}", a = "{video}", b = "{image}", c = "{mask}" }',
        "/ok-f": '{ seed = "{seed}" }',
    }
    project.catalogue(service.url, *needs, payloads=needs)

    result = project.run("--modal-bench", "--modal-bench-rounds=1", "-rs", *workers)

    assert result.ret == 0
    result.assert_outcomes(passed=1, skipped=5)
    reasons = {each["path"]: each["skipped_reason"] for each in project.report()["results"]}
    assert reasons == {
        "/ok-a": "Missing: test image",
        "/ok-b": "Missing: test video",
        "/ok-c": "Missing: test mask",
        "/lora-d": "Missing: LoRA file",
        "/lora-e": "Missing: test image, test video, test mask, LoRA file",
        "/ok-f": None,
    }
    assert set(service.calls) == {"/ok-f"}
    result.stdout.fnmatch_lines(["test image: the catalogue names no image under *"])
    assert project.report()["resources"] == {"image": False, "video": False, "mask": False, "lora": False}
