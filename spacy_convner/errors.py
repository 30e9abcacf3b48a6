"""The exceptions of spacy-convner: one tree, one message form.

    ConvnerError
    ├── DataError (ValueError)           a file or record that people gave us is wrong
    │   └── UnusableTextError            one text that no pipeline can take, in a file that is fine
    ├── ConfigError (ValueError)         a setting is wrong
    ├── MissingExtraError (ImportError)  an optional dependency isn't installed
    ├── MissingKeyError                  a client needs a key that isn't in the environment
    └── FilterError                      a filter broke its contract or its service failed

Only ``cli/`` turns them into an exit status.
"""

from __future__ import annotations

from pathlib import Path


class ConvnerError(Exception):
    """Base class: everything raised on purpose by this package."""


class DataError(ConvnerError, ValueError):
    """A file or a record is not what was expected.

    message (str): What is wrong: the value given and the values allowed.
    path (Path | str | None): File the record came from.
    line (int | None): Line number in that file, counted from 1.
    field (str | None): Field of the record.
    hint (str): What to do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | str | None = None,
        line: int | None = None,
        field: str | None = None,
        hint: str = "",
    ) -> None:
        self.message, self.path, self.line, self.field, self.hint = message, path, line, field, hint
        where = ""
        if path is not None:
            where = f"{path}:{line}: " if line is not None else f"{path}: "
        what = f"field '{field}': {message}" if field else message
        super().__init__(f"{where}{what}" + (f" ({hint})" if hint else ""))

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_data_error, (type(self), self.message, self.path, self.line, self.field, self.hint))


def _rebuild_data_error(
    kind: type[DataError], message: str, path: Path | str | None, line: int | None, field: str | None, hint: str
) -> DataError:
    return kind(message, path=path, line=line, field=field, hint=hint)


class UnusableTextError(DataError):
    """A text too long, or with code points that UTF-8 doesn't have: a labelling run lists it and goes on."""


class ConfigError(ConvnerError, ValueError):
    """A setting has a value that can't work; the message names the line to write."""


class MissingExtraError(ConvnerError, ImportError):
    """An optional dependency isn't installed.

    what (str): The part that needs it.
    module (str): The module that failed to import.
    extra (str): The extra that installs it.
    """

    def __init__(self, what: str, module: str, extra: str) -> None:
        self.what, self.module, self.extra = what, module, extra
        super().__init__(
            f"{what} needs the package '{module}', which isn't installed. "
            f"Install it with: pip install 'spacy-convner[{extra}]'"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (MissingExtraError, (self.what, self.module, self.extra))


class MissingKeyError(ConvnerError):
    """A client was called and its key isn't in the environment."""


class FilterError(ConvnerError):
    """A filter returned something outside its contract, or its service failed for good."""
