"""The key that signs tokens and cursors."""

import os
import secrets
import tempfile
from pathlib import Path

from backend.config.settings import SECRET_KEY_MIN_BYTES, SettingsError

FILE_NAME = "secret_key"


def load_secret_key(settings):
    """Return the key from the settings, or the one kept in the data folder, which is made at the first call.

    Raises SettingsError when the key kept there is too short.
    """
    if settings.secret_key is not None:
        return settings.secret_key
    path = settings.data_dir / FILE_NAME
    if not path.exists():
        _create_once(path)
    key = path.read_text().strip()
    if len(key.encode()) < SECRET_KEY_MIN_BYTES:  # cut off by a full disk, or written by hand
        raise SettingsError(
            f"{path}: Expected at least {SECRET_KEY_MIN_BYTES} bytes; remove it to have a new one made."
        )
    return key


def _create_once(path):
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # only its owner reads it
    # Linking a finished file is atomic: of several processes starting at once one wins, and none reads half a key.
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mkstemp makes it with mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
