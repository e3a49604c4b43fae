"""Backup files: a zip of a manifest and a snapshot, written whole or not at all, and believed only where checked.

A zip, not a tar: its manifest can be read without unpacking, and nothing in it is unpacked but what is streamed here.
"""

import hashlib
import json
import os
import shutil
import struct
import zipfile
import zlib
from dataclasses import asdict, dataclass

from marshmallow import Schema, ValidationError, fields, validate

from backend.services.errors import Malformed

FORMAT = 1
MANIFEST_NAME = "manifest.json"
SNAPSHOT_NAMES = {"sqlite": "larder.db", "postgres": "larder.dump"}
LARGEST_MANIFEST_BYTES = 1 << 20
COMPRESSION = 3  # twice as fast as zlib's usual 6, for a few percent of size
CHUNK_BYTES = 1 << 20
# What zipfile raises for files that are no zip, or a hostile one, and ours for what is in it.
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, KeyError, ValueError),
    ValidationError,
)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup says of itself.

    `version` is that of Larder, `database` a key of SNAPSHOT_NAMES, `migrations` are names in order, `counts` is
    {table: rows}, `created_at` RFC 3339; `bytes` and `sha256` are of the snapshot.
    """

    version: str
    database: str
    migrations: list
    counts: dict
    created_at: str
    bytes: int = 0
    sha256: str = ""


class ManifestSchema(Schema):
    """The manifest as JSON."""

    format = fields.Integer(required=True, strict=True, validate=validate.Equal(FORMAT))
    version = fields.String(required=True)
    database = fields.String(required=True, validate=validate.OneOf(SNAPSHOT_NAMES))
    migrations = fields.List(fields.String(), required=True)
    counts = fields.Dict(fields.String(), fields.Integer(strict=True), required=True)
    created_at = fields.String(required=True)
    bytes = fields.Integer(required=True, strict=True, validate=validate.Range(min=0))
    sha256 = fields.String(required=True, validate=validate.Regexp("^[0-9a-f]{64}$"))


SCHEMA = ManifestSchema()


def write_archive(path, manifest, snapshot):
    """Make the file `path` of the snapshot, a path, and of the Manifest, which gets its size and its checksum."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as archive:
                with archive.open(SNAPSHOT_NAMES[manifest.database], "w", force_zip64=True) as out:
                    size, sha256 = _copy(snapshot.open("rb"), out)
                facts = asdict(manifest) | {"format": FORMAT, "bytes": size, "sha256": sha256}
                archive.writestr(MANIFEST_NAME, json.dumps(facts, indent=2))
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        _sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _copy(source, target, largest=None):
    """Return (bytes, SHA-256) of what was copied: no more than one byte more than `largest`."""
    size, digest = 0, hashlib.sha256()
    with source:
        while (largest is None or size <= largest) and (chunk := source.read(CHUNK_BYTES)):
            target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def _sync_folder(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # or the name of the file might not survive a power cut
    finally:
        os.close(descriptor)


def read_manifest(path):
    """Return the Manifest of a backup file; raise Malformed where it has none that can be believed."""
    with _opened(path) as archive:
        return _manifest(archive)


def unpack(path, folder):
    """Write the snapshot of a backup into the folder; return (Manifest, its path).

    Raises Malformed if anything is not what the manifest says, and never writes more than that.
    """
    with _opened(path) as archive:
        manifest = _manifest(archive)
        if manifest.bytes > (free := shutil.disk_usage(folder).free):
            raise Malformed(f"{path.name} would unpack to {manifest.bytes:,} bytes, and the disk has {free:,} left.")
        snapshot = folder / SNAPSHOT_NAMES[manifest.database]
        with snapshot.open("xb") as out:
            found = _copy(archive.open(snapshot.name), out, manifest.bytes)
    if found != (manifest.bytes, manifest.sha256):
        raise Malformed(f"{path.name} is damaged: its snapshot is not the one that was written.")
    return manifest, snapshot


class _opened:
    """Context manager of the ZipFile at a path; what is wrong with it becomes Malformed."""

    def __init__(self, path):
        self._path, self._archive = path, None

    def __enter__(self):
        try:
            self._archive = zipfile.ZipFile(self._path)
        except OSError as error:
            raise Malformed(f"{self._path} cannot be read: {error.strerror or error}.") from error
        except UNREADABLE as error:
            raise self._refusal(error) from error
        return self._archive

    def __exit__(self, kind, error, traceback):
        self._archive.close()
        if isinstance(error, UNREADABLE):
            raise self._refusal(error) from error

    def _refusal(self, error):
        return Malformed(f"{self._path.name} is no backup, or is damaged: {error}")


def _manifest(archive):
    if archive.getinfo(MANIFEST_NAME).file_size > LARGEST_MANIFEST_BYTES:
        raise ValueError("its manifest is too large.")
    with archive.open(MANIFEST_NAME) as file:
        facts = SCHEMA.loads(file.read(LARGEST_MANIFEST_BYTES))
    manifest = Manifest(**{name: value for name, value in facts.items() if name != "format"})
    if sorted(archive.namelist()) != sorted([MANIFEST_NAME, SNAPSHOT_NAMES[manifest.database]]):
        raise ValueError("it holds something else than a manifest and a snapshot.")
    return manifest
