"""Reads the settings from the environment and from `.env`."""

import dataclasses
import os
import re
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from environs import EnvError, FileAwareEnv

from backend.config.checks import SettingsError, expand_home
from backend.config.settings import PREFIX, Settings
from backend.utils.nearest import nearest

QUOTES = re.compile(r"(['\"])(.*)\1", re.DOTALL)
TEST_PREFIX = "LARDER_TEST_"  # variables of the tests


def read_settings() -> Settings:
    """Return Settings read from the environment and from `.env` in the current folder.

    `LARDER_<NAME>_FILE` can name a file with the value of `LARDER_<NAME>`. Raises SettingsError, which lists every
    setting that is not valid.
    """
    _normalize_variables()
    env = FileAwareEnv(prefix=PREFIX, eager=False, strip_whitespace=True)
    try:
        env.read_env(str(env_file()), recurse=False)
        variables = {**dotenv_values(env_file()), **os.environ}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{env_file()} cannot be read: {error}") from error
    _expand_names_of_files(variables)
    try:
        values = {item.name: _read(env, item) for item in dataclasses.fields(Settings) if _is_set(item.name, variables)}
        env.seal()
    except (EnvError, ValueError) as error:
        raise SettingsError(_explain(error)) from error
    return Settings(**values)


def _read(env: FileAwareEnv, item: dataclasses.Field[Any]) -> Any:
    return getattr(env, item.metadata["parser"])(item.name.upper(), validate=item.metadata["rules"])


def _is_set(setting: str, variables: dict[str, str | None]) -> bool:
    name = PREFIX + setting.upper()
    return any((variables.get(variable) or "").strip() for variable in (name, f"{name}_FILE"))


def _normalize_variables() -> None:
    """Remove quotes and spaces around values, which `docker run --env-file` keeps, and variables without a value.

    So the value in `.env` or the default applies to those without a value.
    """
    for name, value in [item for item in os.environ.items() if item[0].startswith(PREFIX)]:
        quoted = QUOTES.fullmatch(value.strip())
        if text := (quoted[2] if quoted else value).strip():
            os.environ[name] = text
        else:
            del os.environ[name]


def _expand_names_of_files(variables: dict[str, str | None]) -> None:
    """Replace a leading `~` in the values of `LARDER_<NAME>_FILE` by the home folder."""
    for name, path in variables.items():
        if name.startswith(PREFIX) and name.endswith("_FILE") and path:
            os.environ[name] = str(expand_home(name, path))


def _explain(error: Exception) -> str:
    messages = getattr(error, "error_messages", None)
    if not messages:
        return str(error)
    return "\n".join(f"{name}: {' '.join(problems)}" for name, problems in messages.items())


def environment(more: dict[str, str]) -> dict[str, str]:
    """Return the environment of this process with `more` variables, for a program that it starts."""
    return os.environ | more


def env_file() -> Path:
    """Return the path of `.env`, which may not exist."""
    return Path.cwd() / ".env"


def unknown_variables() -> dict[str, str]:
    """Return the names of `LARDER_` variables, also in `.env`, that are no setting, each with advice."""
    names = [item.name.upper() for item in dataclasses.fields(Settings)]
    known = {PREFIX + name + end for name in names for end in ("", "_FILE")}
    unknown = sorted(
        name
        for name in {*os.environ, *dotenv_values(env_file())}
        if name.startswith(PREFIX) and not name.startswith(TEST_PREFIX) and name not in known
    )
    # Without the prefix, which would make all names alike.
    found = {name: nearest(name.removeprefix(PREFIX), names) for name in unknown}
    return {name: f"Did you mean {PREFIX}{meant}?" if meant else "Delete it." for name, meant in found.items()}
