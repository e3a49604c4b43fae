"""Backup files: a zip of a manifest, a snapshot and a list of files. It is written completely or not at all.

It is a zip, not a tar, because its manifest can be read without unpacking the rest. Only the expected members are read,
as streams, and each is compared with the manifest.
"""

import hashlib
import json
import os
import shutil
import struct
import zipfile
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, NamedTuple

from marshmallow import Schema, ValidationError, fields, validate

from backend.services.backups.file_lists import LIST_NAME, FileTotals
from backend.services.errors import Malformed, Unavailable

FORMAT = 2
FORMAT_WITHOUT_LIST = 1  # of releases that had no files
MANIFEST_NAME = "manifest.json"
SIZE: dict[str, Any] = {"strict": True, "validate": validate.Range(min=0)}
CHECKSUM = validate.Regexp("^[0-9a-f]{64}$")
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


class Taken(NamedTuple):
    """What a snapshot contains: its RowCounts, and the FileTotals of its list of files."""

    counts: RowCounts
    totals: FileTotals


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The metadata of a backup.

    `version` is the version of Larder that created it, `database` a key of SNAPSHOT_NAMES. `migrations` are the names
    of the applied migrations in order. `created_at` is in the form of RFC 3339. `bytes` and `sha256` describe the
    snapshot, `list_bytes` and `list_sha256` the list of files, `files` and `files_bytes` the files in it.
    """

    version: str
    database: str
    migrations: list[str]
    counts: RowCounts
    created_at: str
    files: int = 0
    files_bytes: int = 0
    bytes: int = 0
    sha256: str = ""
    list_bytes: int = 0
    list_sha256: str = ""


class ManifestSchema(Schema):
    """The manifest as JSON. In the format without a list, what describes it is missing."""

    format = fields.Integer(required=True, strict=True, validate=validate.OneOf([FORMAT_WITHOUT_LIST, FORMAT]))
    version = fields.String(required=True)
    database = fields.String(required=True, validate=validate.OneOf(SNAPSHOT_NAMES))
    migrations = fields.List(fields.String(), required=True)
    counts = fields.Dict(fields.String(), fields.Integer(strict=True), required=True)
    created_at = fields.String(required=True)
    files = fields.Integer(**SIZE)
    files_bytes = fields.Integer(**SIZE)
    bytes = fields.Integer(required=True, **SIZE)
    sha256 = fields.String(required=True, validate=CHECKSUM)
    list_bytes = fields.Integer(**SIZE)
    list_sha256 = fields.String(validate=CHECKSUM)


SCHEMA = ManifestSchema()


class Copied(NamedTuple):
    """The number of copied bytes, and their SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


class Unpacked(NamedTuple):
    """The Manifest of a backup, the paths of its snapshot and of its list of files; an old backup has no list."""

    manifest: Manifest
    snapshot: Path
    files: Path | None


def write_archive(path: Path, manifest: Manifest, snapshot: Path, files: Path) -> None:
    """Write a snapshot, its list of files and their Manifest, to which sizes and checksums are added, to a new backup.

    Raises Unavailable if the file cannot be written, for example because the disk is full. No file is left then.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        _write(partial, manifest, snapshot, files)
        partial.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise Unavailable(f"The backup cannot be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _write(path: Path, manifest: Manifest, snapshot: Path, files: Path) -> None:
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as archive:
            copied = _add(archive, SNAPSHOT_NAMES[manifest.database], snapshot)
            listed = _add(archive, LIST_NAME, files)
            described = replace(manifest, **copied._asdict(), list_bytes=listed.bytes, list_sha256=listed.sha256)
            archive.writestr(MANIFEST_NAME, json.dumps(asdict(described) | {"format": FORMAT}, indent=2))
        file.flush()
        os.fsync(file.fileno())


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> Copied:
    with path.open("rb") as source, archive.open(name, "w", force_zip64=True) as target:
        return _copy(source, target)


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
        return _read_manifest(archive, path)[0]


def unpack(path: Path, folder: Path) -> Unpacked:
    """Write the snapshot of a backup and its list of files into the folder; return what was Unpacked.

    Raises Malformed if one of them differs from the manifest or does not fit on the disk, Unavailable if it cannot be
    written. What is larger than its manifest says is not written to its end.
    """
    with _open(path) as archive:
        manifest, has_list = _read_manifest(archive, path)
        if (size := manifest.bytes + manifest.list_bytes) > (free := shutil.disk_usage(folder).free):
            raise Malformed(f"{path.name} would unpack to {size:,} bytes, and the disk has {free:,} left.")
        snapshot, files = folder / SNAPSHOT_NAMES[manifest.database], folder / LIST_NAME
        _unpack(archive, path, snapshot, Copied(manifest.bytes, manifest.sha256))
        if has_list:
            _unpack(archive, path, files, Copied(manifest.list_bytes, manifest.list_sha256))
    return Unpacked(manifest, snapshot, files if has_list else None)


def unpack_list(path: Path, folder: Path) -> Path | None:
    """Write the list of files of a backup into the folder and return its path; None if an old backup has no list.

    Raises what unpack raises.
    """
    with _open(path) as archive:
        manifest, has_list = _read_manifest(archive, path)
        if not has_list:
            return None
        files = folder / LIST_NAME
        _unpack(archive, path, files, Copied(manifest.list_bytes, manifest.list_sha256))
    return files


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        raise Malformed(f"{path} cannot be read: {error.strerror or error}.") from error
    except UNREADABLE as error:
        raise _damaged(path, error) from error


def _read_manifest(archive: zipfile.ZipFile, path: Path) -> tuple[Manifest, bool]:
    """Return the Manifest, and whether there is a list of files."""
    try:
        with archive.open(MANIFEST_NAME) as file:
            content = file.read(LARGEST_MANIFEST_BYTES + 1)
        if len(content) > LARGEST_MANIFEST_BYTES:
            raise _damaged(path, "its manifest is too large.")
        values = SCHEMA.loads(content)
    except (*UNREADABLE, ValidationError) as error:
        raise _damaged(path, error) from error
    has_list = values.pop("format") != FORMAT_WITHOUT_LIST
    manifest = Manifest(**values)
    members = [MANIFEST_NAME, SNAPSHOT_NAMES[manifest.database], *([LIST_NAME] if has_list else [])]
    if sorted(archive.namelist()) != sorted(members):
        raise _damaged(path, f"it must contain {', '.join(members)} and nothing else.")
    return manifest, has_list


def _unpack(archive: zipfile.ZipFile, path: Path, target: Path, expected: Copied) -> None:
    """Unpack the member that is named like the target. Raises Malformed if it is not the expected one."""
    try:
        with archive.open(target.name) as source, target.open("wb") as file:
            copied = _copy(source, file, expected.bytes)
    except UNREADABLE as error:
        raise _damaged(path, error) from error
    except OSError as error:
        raise Unavailable(f"The backup cannot be unpacked: {error.strerror or error}.") from error
    if copied != expected:
        raise Malformed(f"{path.name} is damaged: {target.name} differs from the one that was written.")


def _damaged(path: Path, reason: object) -> Malformed:
    return Malformed(f"{path.name} is not a backup, or is damaged: {reason}")
