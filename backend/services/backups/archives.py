"""Backup files: a zip of a manifest and a snapshot, written whole or not at all, and checked before it is trusted.

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
# What zipfile raises for files that are not a zip, or a hostile one; KeyError is a missing member.
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    *(NotImplementedError, RuntimeError, KeyError, ValueError),
)

Counts = dict[str, int]  # the number of rows, by table


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup says of itself.

    `version` is that of Larder, `database` a key of SNAPSHOT_NAMES, `migrations` are names in order, `created_at` is
    RFC 3339; `bytes` and `sha256` are of the snapshot.
    """

    version: str
    database: str
    migrations: list[str]
    counts: Counts
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
    """How much was copied, and its checksum in hexadecimal."""

    bytes: int
    sha256: str


def write_archive(path: Path, manifest: Manifest, snapshot: Path) -> None:
    """Create the file `path` from a snapshot and its Manifest, to which size and checksum are added.

    Raises Unavailable if it cannot be written, as on a full disk; then there is no file.
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
            facts = asdict(manifest) | copied._asdict() | {"format": FORMAT}
            archive.writestr(MANIFEST_NAME, json.dumps(facts, indent=2))
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # or the name of the file might not survive a power cut
    finally:
        os.close(descriptor)


def _copy(source: IO[bytes], target: IO[bytes], most: int | None = None) -> Copied:
    """Copy everything, or if there is more than `most` bytes, no more than a chunk beyond them."""
    size, digest = 0, hashlib.sha256()
    while (most is None or size <= most) and (chunk := source.read(CHUNK_BYTES)):
        target.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    return Copied(size, digest.hexdigest())


def read_manifest(path: Path) -> Manifest:
    """Return the Manifest of a backup file; raise Malformed if the file is not a backup."""
    with _open(path) as archive:
        return _read_manifest(archive, path)


def unpack(path: Path, folder: Path) -> tuple[Manifest, Path]:
    """Write the snapshot of a backup into the folder; return its Manifest and its path.

    Raises Malformed if anything differs from what the manifest says, and never writes more than that; Unavailable if it
    cannot be written.
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
        facts = SCHEMA.loads(content)
    except (*UNREADABLE, ValidationError) as error:
        raise _damaged(path, error) from error
    manifest = Manifest(**{name: value for name, value in facts.items() if name != "format"})
    if sorted(archive.namelist()) != sorted([MANIFEST_NAME, SNAPSHOT_NAMES[manifest.database]]):
        raise _damaged(path, "it must contain one manifest and one snapshot.")
    return manifest


def _unpack_snapshot(archive: zipfile.ZipFile, path: Path, snapshot: Path, most: int) -> Copied:
    try:
        with archive.open(snapshot.name) as source, snapshot.open("xb") as target:
            return _copy(source, target, most)
    except UNREADABLE as error:
        raise _damaged(path, error) from error
    except OSError as error:
        raise Unavailable(f"The backup cannot be unpacked: {error.strerror or error}.") from error


def _damaged(path: Path, reason: object) -> Malformed:
    return Malformed(f"{path.name} is not a backup, or is damaged: {reason}")
