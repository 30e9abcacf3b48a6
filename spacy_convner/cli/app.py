"""The Typer app, how arguments are written, and how errors leave the program."""

from __future__ import annotations

import atexit
import functools
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import typer

from ..errors import ConfigError, ConvnerError

Arg, Opt = typer.Argument, typer.Option
F = TypeVar("F", bound=Callable[..., Any])
_GO_ON = "Nothing is half-written; run the same command again (label and cached steps go on where they stopped)."

app = typer.Typer(
    name="convner",
    help="Catalog-grounded conversational NER: label traffic, evaluate, report, make test sets.\n\n"
    "Example: convner label assets/traffic/en.jsonl corpus/silver.en.spacy -p configs/teacher_local.cfg",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def group(name: str, what: str, example: str) -> typer.Typer:
    """RETURNS (typer.Typer): A group of commands of the app. example (str): One of them, as it is typed."""
    made = typer.Typer(help=f"{what}\n\nExample: {example}", no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(made, name=name)
    return made


catalog_app = group(
    "catalog", "Build, change and look into entity catalogs.", "convner catalog build assets/catalogs -o index"
)
patterns_app = group(
    "patterns",
    "Make, check, review and populate patterns.",
    "convner patterns review assets/patterns/en.jsonl --catalog assets/catalogs",
)
bench_app = group(
    "bench",
    "Measure what students and catalogs cost to serve.",
    "convner bench student training/student/model-best --texts corpus/dev.spacy",
)


def say(text: str) -> None:
    """Print a message to standard error: standard output is for results that people pipe."""
    typer.echo(text, err=True)


def show_progress() -> bool:
    """RETURNS (bool): Whether a progress bar would be seen."""
    return sys.stderr.isatty()


def command(parent: typer.Typer, name: str, **kwargs: Any) -> Callable[[F], F]:
    """Register a command whose expected errors end as one message and a non-zero exit, without a traceback."""

    def register(function: F) -> F:
        @functools.wraps(function)
        def run(*args: Any, **kw: Any) -> Any:
            try:
                with _interruptible():
                    return function(*args, **kw)
            except ConvnerError as err:
                atexit.register(_leave, 1)
                fail(str(err))
            except _Terminated:
                fail(f"Stopped by SIGTERM. {_GO_ON}", code=143)
            except KeyboardInterrupt:
                fail(f"Interrupted. {_GO_ON}", code=130)
            except BrokenPipeError:
                # The reader went away (| head): not an error of ours.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit(0) from None
            except OSError as err:
                fail(f"{err.filename or 'file system'}: {err.strerror or err}")

        parent.command(name, **kwargs)(run)
        return function

    return register


class _Terminated(KeyboardInterrupt):
    """As Ctrl-C, by who stops a job: a scheduler, a container."""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM stop worker processes first: else spaCy's queues wait for workers that nobody reads from."""
    main = os.getpid()
    handlers: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    ours = [number for number, default in handlers.items() if signal.getsignal(number) is default]
    if threading.current_thread() is not threading.main_thread() or signal.SIGINT not in ours:
        yield
        return

    def stop(signum: int, frame: FrameType | None) -> None:
        if os.getpid() != main:  # a forked worker: the main process speaks for it
            os._exit(128 + signum)
        workers = multiprocessing.active_children()
        for worker in workers:
            worker.terminate()
        warnings.filterwarnings("ignore", message=r"\[W127\]")  # that they were stopped is no news
        if workers:
            atexit.register(_leave, 128 + signum)
        raise _Terminated if signum == signal.SIGTERM else KeyboardInterrupt

    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, handlers[number])


def _leave(code: int) -> None:
    # The ordinary exit would join the thread that feeds a worker, for ever if the worker was stopped.
    if any(thread.name == "QueueFeederThread" for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def keep_inputs(outputs: Iterable[Path | None], inputs: Iterable[Path] = ()) -> None:
    """RAISES: ConfigError if an output is an input too, or two outputs are one file."""
    taken = {source.resolve(): f"is an input: {source}" for source in inputs}
    for output in outputs:
        if output is not None and output.resolve() in taken:
            raise ConfigError(f"{output} {taken[output.resolve()]}; choose another output")
        if output is not None:
            taken[output.resolve()] = "is given as an output twice"


def check_choice(option: str, value: str | None, known: Sequence[str]) -> None:
    """RAISES: ConfigError unless ``value`` is known, or None."""
    if value is not None and value not in known:
        raise ConfigError(f"{option}: expected {' or '.join(known)}, got {value!r}")


def fail(message: str, code: int = 1) -> None:
    """Print ``message`` to standard error and exit."""
    typer.secho(f"✘ {message}", err=True, fg=typer.colors.RED)
    raise typer.Exit(code)
