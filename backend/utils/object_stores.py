"""Object stores: folders, and buckets that speak S3. The `AWS_` variables say where a bucket is and who may use it."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from obstore.store import ObjectStore

FOLDER_SCHEME = "file://"
# Of a request, whose client waits; else a store that does not answer is tried for three minutes.
FEW_RETRIES: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}


def open_object_store(url: str, *, is_for_request: bool = False) -> "ObjectStore":
    """Return the store at `file:///PATH`, a folder that is created if it is missing, or `s3://BUCKET/FOLDER`.

    A call that fails is repeated, but not for long if a request waits.
    """
    # Imported only where it is used: the import takes a tenth of a second, and most installations have no bucket.
    from obstore.store import LocalStore, from_url

    if url.startswith(FOLDER_SCHEME):
        return LocalStore(url.removeprefix(FOLDER_SCHEME), mkdir=True)
    return from_url(url, retry_config=FEW_RETRIES if is_for_request else None)


def object_store_errors() -> tuple[type[Exception], ...]:
    """Return the classes of the errors that a store may raise."""
    from obstore.exceptions import BaseError

    return (BaseError, OSError, ValueError)


def reason_of(error: Exception) -> str:
    """Return the text of an error of a store without its debug source, which has several pages."""
    return str(error).partition("\n\nDebug source:")[0]
