"""Backups from the command line, and what is restored from them."""


def titles(person):
    """Return the titles of all notes."""
    return sorted(note["title"] for note in person.get("/notes").json["data"])


def make_backup(run):
    """Make a backup and return its path."""
    result = run("create")
    assert result.exit_code == 0, result.output
    return result.output.splitlines()[-1]


def restore(run, path):
    """Restore a backup and return the name of the replaced content."""
    return run("restore", path).output.rpartition("kept as ")[2].strip().rstrip(".")
