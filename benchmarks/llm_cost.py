"""What a selection costs: answers as numbers against copies, and the cascade against asking about everything.

python benchmarks/llm_cost.py [--output docs/results/llm_cost.json]

An oracle answers in place of a model: it selects the candidates that the hand-annotated test set has, so its F1 is the
ceiling that candidates leave; a second one is wrong about every tenth candidate, by a hash. What is compared is calls
and tokens at equal F1. Tokens are reckoned from letters (``LETTERS_A_TOKEN``), the same for all. Thresholds of the
cascade come from the exemplars; the test set is only scored.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import zlib
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from spacy_convner.attrs import set_doc_lang
from spacy_convner.filtering.exemplar_sources import find_exemplars
from spacy_convner.filtering.filters.cascade import CascadeFilter
from spacy_convner.filtering.prompt import PromptFormat, render
from spacy_convner.pipelines import load_pipeline
from spacy_convner.records import read_exemplars
from spacy_convner.silver.estimate import LETTERS_A_TOKEN
from spacy_convner.ty import Exemplar, FilterRequest, FilterResponse, FilterTask, LabelledSpan, ProbabilityFilter

ROOT = Path(__file__).resolve().parents[1]
SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
ERRORS = (0.0, 0.1)


class Oracle:
    """Answers as a model that is wrong about a share ``errors`` of candidates; counts calls and letters.

    form (PromptFormat): How it is asked.
    """

    name = "oracle"

    def __init__(self, gold: dict[str, set[LabelledSpan]], form: PromptFormat, errors: float = 0.0) -> None:
        self.gold, self.form, self.errors = gold, form, errors
        self.calls, self.head, self.rest, self.answers = 0, 0, 0, 0

    def __call__(self, requests: Iterable[FilterRequest], task: FilterTask) -> Iterator[FilterResponse]:
        for request in requests:
            if not request.candidates:
                yield FilterResponse(status="no_candidates")
                continue
            gold = self.gold[request.text]
            chosen = tuple(
                i for i, c in enumerate(request.candidates) if (c.key in gold) != self.is_wrong(request.text, c.key)
            )
            system, user = render(task, request, self.form)
            said: list[Any] = [i + 1 for i in chosen]
            if self.form.answers == "pairs":
                spans = [request.candidates[i] for i in chosen]
                said = [{"span": request.text[c.start : c.end], "label": c.label} for c in spans]
            self.calls += 1
            self.head += len(system)
            self.rest += len(user)
            self.answers += len(json.dumps({"selected": said}, ensure_ascii=False))
            yield FilterResponse(chosen, (1.0,) * len(chosen))

    def is_wrong(self, text: str, key: LabelledSpan) -> bool:
        return zlib.crc32(repr((text, key)).encode("utf8")) / 0xFFFFFFFF < self.errors


def docs_of(nlp: Language, test: list[Exemplar]) -> Iterator[Doc]:
    for exemplar in test:
        doc = nlp.make_doc(exemplar.text)
        set_doc_lang(doc, exemplar.lang)
        yield doc


def measure(nlp: Language, test: list[Exemplar], filter: Any, oracle: Oracle | None) -> dict[str, Any]:
    component: Any = nlp.get_pipe("llm_semantic_filter")
    component.filter = filter
    true = found = right = 0
    for doc, exemplar in zip(nlp.pipe(docs_of(nlp, test)), test, strict=True):
        labelled = {LabelledSpan(e.start_char, e.end_char, e.label_) for e in doc.ents}
        gold = set(exemplar.spans)
        true, found, right = true + len(gold), found + len(labelled), right + len(gold & labelled)
    n = len(test)
    row: dict[str, Any] = {"f": round(2 * right / (true + found), 4), "utterances": n}
    if oracle is not None:
        row["calls"] = oracle.calls
        for name in ("head", "rest", "answers"):
            letters = getattr(oracle, name)
            row[f"{name}_tokens_a_call"] = round(letters / LETTERS_A_TOKEN / max(oracle.calls, 1), 1)
        total = oracle.head + oracle.rest + oracle.answers
        row["tokens_an_utterance"] = round(total / LETTERS_A_TOKEN / n, 1)
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """RETURNS (str): Markdown."""
    lines = [["way", "wrong about", "strict F1", "calls", "tokens/utterance"], ["---", *["---:"] * 4]]
    for row in rows:
        wrong = f"{row['errors']:.0%} of candidates" if "errors" in row else ""
        calls, tokens = f"{row.get('calls', 0):,}", f"{row.get('tokens_an_utterance', 0):,.0f}"
        lines.append([row["way"], wrong, f"{100 * row['f']:.1f}", calls, tokens])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "llm_cost.json")
    args = parser.parse_args()
    nlp = load_pipeline(str(ROOT / "configs" / "teacher_local.cfg"))
    component: Any = nlp.get_pipe("llm_semantic_filter")
    local = component.filter
    assert isinstance(local, ProbabilityFilter)
    test = [e for lang in ("en", "es") for e in read_exemplars(ROOT / "assets" / "gold" / f"{lang}.jsonl")]
    gold = {exemplar.text: set(exemplar.spans) for exemplar in test}
    rows = [{"way": "local filter alone", **measure(nlp, test, local, None)}]
    exemplars = find_exemplars(nlp, component)
    for errors in ERRORS:
        for answers in ("ids", "pairs") if not errors else ("ids",):
            oracle = Oracle(gold, PromptFormat(answers), errors)  # type: ignore[arg-type]
            rows.append({"way": f"everything, {answers}", "errors": errors, **measure(nlp, test, oracle, oracle)})
        for share in SHARES:
            oracle = Oracle(gold, PromptFormat("ids"), errors)
            cascade = CascadeFilter(local, oracle, share, None)
            cascade.fit(exemplars, component.task)
            row = measure(nlp, test, cascade, oracle)
            threshold = round(cascade.threshold, 4)
            rows.append({"way": f"cascade, max_share {share}", "errors": errors, "threshold": threshold, **row})
    result = {
        "command": "python benchmarks/llm_cost.py",
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "answered_by": "an oracle that knows the test set, in place of a model",
        "letters_a_token": LETTERS_A_TOKEN,
        "rows": rows,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf8")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
