"""The bytes of uploaded files, for those who may read them."""

from typing import IO

import structlog

from backend.services.errors import Unavailable
from backend.services.files.storage import storage

LINK_ENDED = "There is no such file, or this link to it has ended."

log = structlog.get_logger()


def open_content(file_id: str) -> IO[bytes]:
    """Return the bytes of a file, open for reading and seekable.

    Raises Unavailable if they are missing, or if the storage cannot be read. The log says which file it is.
    """
    try:
        return storage.open_file(file_id)
    except FileNotFoundError as error:
        log.error("file missing in storage", file_id=file_id)
        raise Unavailable("The bytes of this file are missing in the storage; `flask doctor` says more.") from error
    except OSError as error:
        log.error("file not readable", file_id=file_id, reason=str(error))
        raise Unavailable("The storage of files cannot be read; try again shortly.") from error
