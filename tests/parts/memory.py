"""A folder in memory, for databases that need not survive."""

import os
import shutil
from pathlib import Path

FOLDER, ENOUGH_BYTES = Path("/dev/shm"), 4 << 30


def memory_folder():
    """Return the folder if it has enough space, or None: then use the one for temporary files."""
    is_roomy = os.access(FOLDER, os.W_OK) and shutil.disk_usage(FOLDER).free >= ENOUGH_BYTES
    return FOLDER if is_roomy else None
