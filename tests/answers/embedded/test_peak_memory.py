"""What a large medium inside JSON costs: less than three times the answer, in this process and in the decoding one."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from sound_corpus import wav

if TYPE_CHECKING:
    from pathlib import Path

_MIB = 1 << 20

# In a process of its own, whose peak nothing else has raised; the decoding process is its only child.
_JUDGE = """
    import json, sys
    from pathlib import Path
    from measure_answers import answer, endpoint
    from pytest_modal_bench.answers.inspector import Inspector
    from pytest_modal_bench.answers.judging import Judge
    from pytest_modal_bench.model import Expect
    from pytest_modal_bench.protocol.sampling import as_sample

    def peak_mib(process):
        # Not `ru_maxrss`: that begins with the peak of whoever has started the process.
        status = Path(f"/proc/{process}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))

    def judged(body):
        given = answer(body)
        sample = judge.judge(given, as_sample(given, start="warm", seed=1))
        assert sample.ok, sample.error
        return sample.parts[0]

    body = Path(sys.argv[1])
    with Inspector() as inspector:
        judge = Judge(endpoint(expect=Expect(kind="audio", at="data.*.b64", count=1)), inspector, {})
        judged(body.with_name("small").read_bytes())
        before = [peak_mib("self"), peak_mib(inspector.pid)]
        part = judged(body)
        after = [peak_mib("self"), peak_mib(inspector.pid)]
        print(json.dumps([part.size_bytes, part.checked, after[0] - before[0], after[1] - before[1]]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the other process's peak is read from /proc")
def test_a_medium_of_200_mb_in_json_takes_less_than_three_times_the_answer(tmp_path: Path) -> None:
    sound = wav(b"\0\x40\0\xc0\0\x40\0\xe0" * (150_000_000 // 8), rate=48_000, channels=2)
    body = tmp_path / "answer"
    for path, data in ((body, sound), (tmp_path / "small", wav())):
        with path.open("wb") as file:
            file.write(b'{"data": [{"b64": "')
            for at in range(0, len(data), 3 * _MIB):
                file.write(base64.b64encode(data[at : at + 3 * _MIB]))
            file.write(b'"}], "seed": 7}')
    size_mib = body.stat().st_size / _MIB
    assert size_mib > 190
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_JUDGE), str(body)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    size_bytes, checked, here, in_decoder = json.loads(done.stdout)
    assert (size_bytes, checked) == (len(sound), True)
    assert here + in_decoder < 3 * size_mib, f"{here:.0f} and {in_decoder:.0f} MiB for {size_mib:.0f}"
