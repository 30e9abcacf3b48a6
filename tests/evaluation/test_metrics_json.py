from __future__ import annotations

import json
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spacy_convner.evaluation.metrics_json import metrics_json

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["[\n 1\n]", '"', "\\"]),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=3), children, max_size=4),
    max_leaves=12,
)


@given(values)
def test_it_is_the_same_json(value: Any) -> None:
    assert json.loads(metrics_json(value)) == value


def test_short_lists_take_a_line() -> None:
    data = {"ci95": [0.5, 1e-05], "spans": [[0, 4, 'a "b"\n'], []], "bins": [{"n": 1}], "names": ["x", "y"]}
    assert metrics_json(data).splitlines() == [
        "{",
        ' "ci95": [0.5, 1e-05],',
        ' "spans": [',
        '  [0, 4, "a \\"b\\"\\n"],',
        "  []",
        " ],",
        ' "bins": [',
        "  {",
        '   "n": 1',
        "  }",
        " ],",
        ' "names": ["x", "y"]',
        "}",
    ]


def test_long_lists() -> None:
    start = time.perf_counter()
    assert metrics_json({"right": list(range(200_000)), "bad": [*range(50_000), {}]}).count("\n") > 50_000
    assert time.perf_counter() - start < 5
