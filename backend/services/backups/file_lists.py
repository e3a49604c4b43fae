"""The list of the files that a backup needs: one line of JSON per file, in a backup and beside its copy."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from backend.models.file import File
from backend.services.errors import Malformed

LIST_NAME = "files.ndjson"
TABLE = File._meta.table_name
LONGEST_LINE_BYTES = 1000
QUERY = f"SELECT id, bytes, sha256, resource IS NULL FROM {TABLE} WHERE removed_at IS NULL ORDER BY id"
_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256 = re.compile("[0-9a-f]{64}")


class ListedFile(NamedTuple):
    """A file that was not removed when the backup was made. A staged one may be missing: nothing names it."""

    id: str
    bytes: int
    sha256: str
    is_staged: bool


class FileTotals(NamedTuple):
    """The number of files in a list, and their bytes."""

    files: int = 0
    files_bytes: int = 0


def write_list(path: Path, rows: Iterable[tuple[object, int, str, object]]) -> FileTotals:
    """Write the rows of QUERY to a file, sorted by id; return their FileTotals."""
    files = size = 0
    with path.open("w", encoding="ascii") as target:
        for file_id, count, sha256, is_staged in rows:
            target.write(json.dumps(ListedFile(str(file_id), int(count), sha256, bool(is_staged))._asdict()) + "\n")
            files, size = files + 1, size + count
    return FileTotals(files, size)


def read_list(path: Path) -> Iterator[ListedFile]:
    """Yield the files of a list. Raises Malformed at a line that is not one that Larder writes."""
    with path.open("rb") as lines:
        while line := lines.readline(LONGEST_LINE_BYTES):
            yield _parse(line)


def listed_ids(path: Path) -> set[str]:
    """Return the ids of the files of a list. Raises Malformed."""
    return {file.id for file in read_list(path)}


def _parse(line: bytes) -> ListedFile:
    try:
        values = json.loads(line)
        file = ListedFile(**values)
        is_valid = _ID.fullmatch(file.id) and _SHA256.fullmatch(file.sha256)
        if not is_valid or type(file.bytes) is not int or file.bytes < 0 or type(file.is_staged) is not bool:
            raise ValueError
    except (ValueError, TypeError) as error:
        raise Malformed("The list of files in the backup is damaged.") from error
    return file
