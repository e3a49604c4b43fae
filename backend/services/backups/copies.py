"""Copies of backups in another place: a folder, such as a mounted disk, or an S3 bucket."""

from contextlib import contextmanager

from backend.services.errors import Unavailable


def put(url, path):
    """Copy a backup file to the place; raise Unavailable if that does not work."""
    with _store(url) as store:
        store.put(path.name, path)


def prune(url, pattern, keep):
    """Delete all but the `keep` last of those files there whose names match the pattern, which sorts them."""
    with _store(url) as store:
        names = sorted(each["path"] for each in store.list().collect() if pattern.fullmatch(each["path"]))
        store.delete(names[:-keep])


@contextmanager
def _store(url):
    # Imported where it is used: most installations have no such place, and it takes a tenth of a second.
    from obstore.exceptions import BaseError
    from obstore.store import LocalStore, from_url

    try:
        local = url.removeprefix("file://")
        yield LocalStore(local, mkdir=True) if local != url else from_url(url)
    except (BaseError, OSError) as error:
        told = str(error).partition("\n\nDebug source:")[0]  # pages of it
        raise Unavailable(f"The place for copies of backups cannot be used: {told}") from error
