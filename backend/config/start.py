"""Opens the port and the data folder at the start, and explains why Larder cannot start."""

import errno
import os
import re
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from backend.config.settings import Settings

# Files of the data folder without which nothing works; libraries create them. The database has messages of its own.
NEEDED_FILES = ("jobs.db*", "*.db.lock")
OWN_IT = "Make the account that runs Larder its owner."


class StartError(Exception):
    """Larder cannot start; the text says why, and what to do."""


def listen(settings: Settings) -> socket.socket:
    """Return a socket that is bound to the address of the settings, but does not listen yet.

    Raises StartError if it cannot be bound.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if settings.reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise cannot_listen(settings, error) from error
    return listener


def cannot_listen(settings: Settings, error: OSError) -> StartError:
    """Return the StartError for an address that cannot be bound."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    reasons = {
        errno.EADDRINUSE: "another program uses that port. Set LARDER_PORT or stop the program.",
        errno.EADDRNOTAVAIL: "this machine does not have that address. Set LARDER_HOST.",
        errno.EACCES: "only root may use ports below 1024. Set LARDER_PORT to a higher one.",
    }
    if isinstance(error, socket.gaierror):
        reason = "that name has no address. Set LARDER_HOST."
    else:
        reason = reasons.get(error.errno or 0) or f"{_cause(error)}."
    return StartError(f"Larder cannot listen on {host}:{settings.port}: {reason}")


def open_data_dir(settings: Settings) -> None:
    """Create the data folder if it is missing.

    Raises StartError if no file can be written to it, or if another account owns a file that every start needs.
    """
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # only its owner can read it
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        cause = "it is not a folder" if isinstance(error, FileExistsError | NotADirectoryError) else _cause(error)
        raise StartError(f"Larder cannot write to LARDER_DATA_DIR={folder}: {cause}.") from error
    for path in (found for pattern in NEEDED_FILES for found in sorted(folder.glob(pattern))):
        if not os.access(path, os.W_OK):
            raise StartError(f"Larder cannot write to {path}. {OWN_IT}")


def cannot_read(path: Path, error: OSError | UnicodeDecodeError) -> StartError:
    """Return the StartError for a file of the data folder that cannot be read."""
    if isinstance(error, UnicodeDecodeError):
        return StartError(f"{path} is damaged: it is not a text. Restore it, or delete it for a new one.")
    return StartError(f"Larder cannot read {path}: {_cause(error)}. {OWN_IT}")


def _cause(error: OSError) -> str:
    """Return the message of the operating system, beginning in lower case."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def cannot_create_admin(message: str, problems: dict[str, list[str]]) -> StartError:
    """Return the StartError for a first admin that cannot be created; `problems` maps admin settings to errors."""
    errors = " ".join(f"LARDER_ADMIN_{name.upper()}: {' '.join(texts)}" for name, texts in problems.items())
    return StartError(f"Larder cannot create the first admin. {errors or message}")


def cannot_use_database(settings: Settings, error: Exception) -> StartError:
    """Return the StartError for a database that cannot be opened, with the fix if it is known."""
    if settings.database_url.startswith("sqlite:"):
        return StartError(_sqlite_problem(Path(settings.database_url.removeprefix("sqlite:///")), str(error)))
    return StartError(_postgres_problem(settings.database_url, str(error)))


def _sqlite_problem(path: Path, text: str) -> str:
    if "not a database" in text or "malformed" in text:
        fix = "Move it away, then start again or run `flask backup restore`."
        return f"{path} is not an SQLite database, or it is damaged. {fix}"
    if path.is_dir():
        return f"Larder cannot open its database {path}: it is a folder. Set LARDER_DATABASE_URL to a file."
    try:
        path.open("r+b").close()
    except OSError as error:
        return f"Larder cannot open its database {path}: {_cause(error)}."
    if not os.access(path.parent, os.W_OK):
        return f"Larder cannot open its database {path}: it must be able to write to its folder, too."
    return f"Larder cannot use its database {path}: {text}"


def _postgres_problem(url: str, text: str) -> str:
    parts = urlsplit(url)
    user, name = parts.username or "the user", parts.path.strip("/")
    fixes = {
        r"password authentication failed|no password supplied": "Check the password in LARDER_DATABASE_URL.",
        r'database ".*" does not exist': f"Create it: createdb --owner={user} {name}",
        r'role ".*" does not exist': f"Create the role: createuser --pwprompt {user}",
        r"permission denied for (table|relation|sequence)": f"Make {user} the owner of its tables.",
        r"refused|No such file|translate host|time(d )?out|resolve": "Start the server, or set LARDER_DATABASE_URL.",
        r"too many (connections|clients)|remaining connection slots": "Raise max_connections, or lower LARDER_THREADS.",
        r"pg_hba": "Allow this machine in pg_hba.conf of the server.",
    }
    cause = " ".join(text.split())
    fix = next((fix for pattern, fix in fixes.items() if re.search(pattern, text)), "")
    end = "" if cause.endswith((".", "?", ";")) else "."
    return f"Larder cannot use its Postgres database {name}: {cause}{end} {fix}".strip()
