"""Backup files: a zip of a manifest and a snapshot. It is written completely or not at all, and verified before use.

It is a zip, not a tar, because its manifest can be read without unpacking the rest. Only the two expected members are
read, as streams.
"""

import hashlib
import json
import os
import shutil
import struct
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, NamedTuple

from marshmallow import Schema, ValidationError, fields, validate

from backend.services.errors import Malformed, Unavailable

FORMAT = 1
MANIFEST_NAME = "manifest.json"
SNAPSHOT_NAMES = {"sqlite": "larder.db", "postgres": "larder.dump"}
LARGEST_MANIFEST_BYTES = 1 << 20
COMPRESSION = 3  # twice as fast as zlib's usual 6, for a few percent of size
CHUNK_BYTES = 1 << 20
# What zipfile raises for files that are not a valid zip, or a malicious one; KeyError means a missing member.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    KeyError,
    ValueError,
)

RowCounts = dict[str, int]  # map of table name to number of rows


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The metadata of a backup.

    `version` is the version of Larder that created it, `database` a key of SNAPSHOT_NAMES. `migrations` are the names
    of the applied migrations in order. `created_at` is in the form of RFC 3339. `bytes` and `sha256` describe the
    snapshot.
    """

    version: str
    database: str
    migrations: list[str]
    counts: RowCounts
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


class Copied(NamedTuple):
    """The number of copied bytes, and their SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


def write_archive(path: Path, manifest: Manifest, snapshot: Path) -> None:
    """Write a snapshot and its Manifest to a new backup file. Size and checksum are added to the manifest.

    Raises Unavailable if the file cannot be written, for example because the disk is full. No file is left then.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        _write(partial, manifest, snapshot)
        partial.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise Unavailable(f"The backup cannot be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _write(path: Path, manifest: Manifest, snapshot: Path) -> None:
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as archive:
            with (
                snapshot.open("rb") as source,
                archive.open(SNAPSHOT_NAMES[manifest.database], "w", force_zip64=True) as target,
            ):
                copied = _copy(source, target)
            values = asdict(manifest) | copied._asdict() | {"format": FORMAT}
            archive.writestr(MANIFEST_NAME, json.dumps(values, indent=2))
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # without this, a power cut could lose the name of the file
    finally:
        os.close(descriptor)


def _copy(source: IO[bytes], target: IO[bytes], max_bytes: int | None = None) -> Copied:
    """Copy all bytes. If there are more than `max_bytes`, stop within a chunk after them."""
    size, digest = 0, hashlib.sha256()
    while (max_bytes is None or size <= max_bytes) and (chunk := source.read(CHUNK_BYTES)):
        target.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    return Copied(size, digest.hexdigest())


def read_manifest(path: Path) -> Manifest:
    """Return the Manifest of a backup file. Raises Malformed if the file is not a valid backup."""
    with _open(path) as archive:
        return _read_manifest(archive, path)


def unpack(path: Path, folder: Path) -> tuple[Manifest, Path]:
    """Write the snapshot of a backup into the folder; return the Manifest and the path of the snapshot.

    Raises Malformed if the snapshot differs from its manifest or does not fit on the disk, Unavailable if it cannot be
    written. A snapshot that is larger than its manifest says is not written to its end.
    """
    with _open(path) as archive:
        manifest = _read_manifest(archive, path)
        if manifest.bytes > (free := shutil.disk_usage(folder).free):
            raise Malformed(f"{path.name} would unpack to {manifest.bytes:,} bytes, and the disk has {free:,} left.")
        snapshot = folder / SNAPSHOT_NAMES[manifest.database]
        copied = _unpack_snapshot(archive, path, snapshot, manifest.bytes)
    if copied != (manifest.bytes, manifest.sha256):
        raise Malformed(f"{path.name} is damaged: its snapshot differs from the one that was written.")
    return manifest, snapshot


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        raise Malformed(f"{path} cannot be read: {error.strerror or error}.") from error
    except UNREADABLE as error:
        raise _damaged(path, error) from error


def _read_manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    try:
        with archive.open(MANIFEST_NAME) as file:
            content = file.read(LARGEST_MANIFEST_BYTES + 1)
        if len(content) > LARGEST_MANIFEST_BYTES:
            raise _damaged(path, "its manifest is too large.")
        values = SCHEMA.loads(content)
    except (*UNREADABLE, ValidationError) as error:
        raise _damaged(path, error) from error
    manifest = Manifest(**{name: value for name, value in values.items() if name != "format"})
    if sorted(archive.namelist()) != sorted([MANIFEST_NAME, SNAPSHOT_NAMES[manifest.database]]):
        raise _damaged(path, "it must contain one manifest and one snapshot.")
    return manifest


def _unpack_snapshot(archive: zipfile.ZipFile, path: Path, snapshot: Path, max_bytes: int) -> Copied:
    try:
        with archive.open(snapshot.name) as source, snapshot.open("xb") as target:
            return _copy(source, target, max_bytes)
    except UNREADABLE as error:
        raise _damaged(path, error) from error
    except OSError as error:
        raise Unavailable(f"The backup cannot be unpacked: {error.strerror or error}.") from error


def _damaged(path: Path, reason: object) -> Malformed:
    return Malformed(f"{path.name} is not a backup, or is damaged: {reason}")
