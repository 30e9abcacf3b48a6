"""Labelling with a language model, killed and resumed: the benchmark's own checks, on a small scale."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import ROOT


@pytest.mark.slow
def test_killed_and_resumed(tmp_path: Path) -> None:
    script = ROOT / "benchmarks" / "llm_throughput.py"
    out = tmp_path / "result.json"
    options = ["--utterances", "400", "--kills", "2", "--latency", "0.3", "--output", str(out)]
    subprocess.run([sys.executable, str(script), *options], check=True)
    result = json.loads(out.read_text(encoding="utf8"))
    assert result["kills"] == 2
    assert result["corpus_identical"] is True
    assert result["asked_though_stored"] == 0
    assert result["faults"] > 0
