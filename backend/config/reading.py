"""The environment, and the settings read from it and from `.env`."""

import dataclasses
import os
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from environs import EnvError, FileAwareEnv

from backend.config.checks import SettingsError
from backend.config.settings import PREFIX, Settings

TEST_PREFIX = "LARDER_TEST_"  # variables of the tests


def read_settings() -> Settings:
    """Return Settings read from the environment and from `.env` in the current folder.

    Each variable can be given as the file `LARDER_<NAME>_FILE` too. Raises SettingsError naming everything wrong.
    """
    _forget_blank_variables()
    env = FileAwareEnv(prefix=PREFIX, eager=False, strip_whitespace=True)
    try:
        env.read_env(str(env_file()), recurse=False)
        given = {**dotenv_values(env_file()), **os.environ}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{env_file()} cannot be read: {error}") from error
    try:
        values = {item.name: _read(env, item) for item in dataclasses.fields(Settings) if _is_given(item.name, given)}
        env.seal()
    except (EnvError, ValueError) as error:
        raise SettingsError(_explain(error)) from error
    return Settings(**values)


def _read(env: FileAwareEnv, item: dataclasses.Field[Any]) -> Any:
    return getattr(env, item.metadata["kind"])(item.name.upper(), validate=item.metadata["rules"])


def _is_given(setting: str, given: dict[str, str | None]) -> bool:
    name = PREFIX + setting.upper()
    return any((given.get(each) or "").strip() for each in (name, f"{name}_FILE"))


def _forget_blank_variables() -> None:
    """Take a variable without a value for one that is not set, so that the value in `.env` or the default applies."""
    for name in [name for name, value in os.environ.items() if name.startswith(PREFIX) and not value.strip()]:
        del os.environ[name]


def _explain(error: Exception) -> str:
    messages = getattr(error, "error_messages", None)
    if not messages:
        return str(error)
    return "\n".join(f"{name}: {' '.join(problems)}" for name, problems in messages.items())


def environment(more: dict[str, str]) -> dict[str, str]:
    """Return the environment of this process, for a program that it starts, with more variables."""
    return os.environ | more


def env_file() -> Path:
    """Return the path of the file that settings are read from, which may not exist."""
    return Path.cwd() / ".env"


def unknown_variables() -> list[str]:
    """Return the names of `LARDER_` variables, of `.env` too, that are no setting: most likely typing errors."""
    known = {PREFIX + item.name.upper() for item in dataclasses.fields(Settings)}
    known |= {name + "_FILE" for name in known}
    return sorted(
        name
        for name in {*os.environ, *dotenv_values(env_file())}
        if name.startswith(PREFIX) and not name.startswith(TEST_PREFIX) and name not in known
    )
