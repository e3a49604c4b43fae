"""All commands of `flask`."""

from flask import Flask

from backend.cli import backups, database, doctor, jobs, records, resources, users


def init_app(app: Flask) -> None:
    """Add the commands to `flask`."""
    for module in (database, users, resources, records, jobs, backups):
        app.cli.add_command(module.commands)
    app.cli.add_command(doctor.doctor)
