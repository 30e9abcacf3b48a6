"""A config with the settings that stand on the command line, as ``spacy train`` takes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, ConvnerError

if TYPE_CHECKING:
    from confection import Config


def read_overridden(path: Path, arguments: list[str], code: Path | None) -> Config:
    """path (Path): Config file. arguments (list[str]): ``--section.name value`` each. code (Path | None): To import.

    RETURNS (Config): Not interpolated. RAISES: ConfigError, DataError for a setting, file or code that can't be used.
    """
    from click import ClickException
    from spacy.cli._util import import_code, parse_config_overrides
    from spacy.util import load_config

    from ..pipelines import read_config
    from ..student.training_overrides import check_settings

    given = read_config(path)
    try:
        import_code(code)
        overrides = parse_config_overrides(arguments)
        check_settings(given, overrides)
        return load_config(path, overrides=overrides, interpolate=False)
    except ConvnerError:
        raise
    except (ValueError, OSError) as err:
        raise ConfigError(f"{path}: {str(err).strip()}") from err
    except ClickException as err:
        raise ConfigError(f"{err.format_message()} Settings of the config are written --section.name value") from err
