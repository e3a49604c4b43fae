"""Create and restore backups from the command line."""


def titles(person):
    """Return the titles of all notes."""
    return sorted(note["title"] for note in person.get("/notes").json["data"])


def make_backup(run):
    """Create a backup and return its path."""
    result = run("create")
    assert result.exit_code == 0, result.output
    return result.output.splitlines()[-1]


def restore(run, path):
    """Restore a backup; return the name under which the replaced content is kept."""
    return run("restore", path).output.rpartition("kept as ")[2].strip().rstrip(".")
