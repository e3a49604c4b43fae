"""The keys that sign tokens and cursors."""

import os
import secrets
import tempfile
from pathlib import Path

from backend.config.checks import EXPECTED_KEYS, SettingsError, are_valid_keys, split_keys
from backend.config.settings import Settings
from backend.config.start import cannot_read

FILE_NAME = "secret_key"


def load_secret_keys(settings: Settings) -> list[str]:
    """Return the keys from the settings, else those in the data folder; create one there if there is none.

    The first key signs, all of them verify. Raises SettingsError if a key in the data folder is too short, StartError
    if its file cannot be read.
    """
    if settings.secret_key is not None:
        return split_keys(settings.secret_key)
    path = settings.data_dir / FILE_NAME
    if not path.exists():
        _create_once(path)
    try:
        keys = split_keys(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise cannot_read(path, error) from error
    if not are_valid_keys(keys):  # for example cut off by a full disk
        raise SettingsError(f"{path}: {EXPECTED_KEYS} Delete it, and a new key is created at the next start.")
    return keys


def _create_once(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # only its owner can read it
    # Linking a complete file is atomic: if several processes start at once, one wins, and none reads half a key.
    handle, draft = tempfile.mkstemp(dir=path.parent)  # with mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
