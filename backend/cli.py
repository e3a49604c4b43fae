"""`flask …` commands."""

import json
import sys
from pathlib import Path

import click
import yaml
from flask.cli import AppGroup, with_appcontext
from rich.console import Console
from rich.filesize import decimal
from rich.progress import Progress
from rich.table import Column, Table
from rich.text import Text

from backend.middleware.build import current_build
from backend.models.database import DATABASE_ERRORS, database
from backend.models.role import ADMIN, MEMBER
from backend.services import documents
from backend.services.access.actors import SYSTEM
from backend.services.accounts import recovery, sign_in, user_updates, users
from backend.services.backups import backups
from backend.services.errors import LarderError
from backend.services.health import cleanup, diagram
from backend.services.health import doctor as doctor_checks
from backend.services.health.check import FAILURE, OK, WARNING, any_failed
from backend.services.operation import migrations
from backend.services.operation.jobs import jobs
from backend.services.records import exports
from backend.services.records.imports import importing
from backend.services.records.list_query import ListQuery
from backend.services.records.records import list_records
from backend.utils.controls import without_controls
from backend.utils.strict_yaml import load_yaml

db = AppGroup("db", help="The database of this installation.")
user_commands = AppGroup("users", help="Users and their accounts.")
job_commands = AppGroup("jobs", help="Background jobs.")
definitions = AppGroup("resources", help="Definitions of resources, as YAML files.")
records = AppGroup("records", help="Import and export records.")
backup = AppGroup("backup", help="Backups of the database.")

MARKS = {OK: ("ok", "green"), WARNING: ("warn", "yellow"), FAILURE: ("fail", "red")}  # of `flask doctor`
READABLE = {"sort_keys": False, "allow_unicode": True}  # how YAML is written


def init_app(app):
    """Add the commands to `flask`."""
    for group in (db, user_commands, definitions, records, job_commands, backup):
        app.cli.add_command(group)
    app.cli.add_command(doctor)


@db.command()
def upgrade():
    """Migrate the database to this version."""
    applied = migrations.upgrade()
    click.echo("\n".join(f"applied {name}" for name in applied) or "The database is up to date.")


@db.command()
def status():
    """List the migrations; exit with 1 if some are not applied."""
    table = Table("migration", "applied")
    with database.connection_context():
        rows = migrations.migration_status()
    for name, applied in rows:
        table.add_row(name, applied.isoformat(" ", "seconds") if applied else "not yet")
    Console().print(table)
    sys.exit(0 if all(applied for _, applied in rows) else 1)


@db.command("diagram")
def draw_diagram():
    """Print the page about the system tables: flask db diagram > docs/schema.md."""
    click.echo(diagram.draw(), nl=False)


@db.command()
def vacuum():
    """Reclaim disk space from deleted rows; blocks writers while it runs."""
    with explained():
        cleanup.vacuum()


@click.command("doctor")
@with_appcontext
def doctor():
    """Check this installation and suggest fixes; exit with 1 if something does not work."""
    checks = doctor_checks.run_checks(current_build().settings)
    for check in checks:
        mark, colour = MARKS[check.state]
        click.echo(f"{click.style(f'{mark:6}', fg=colour)}{check.name:12}{check.message}")
        if check.state != OK:
            click.echo(f"{'':18}{check.advice}")
    sys.exit(1 if any_failed(checks) else 0)


@job_commands.command("run")
def run_jobs():
    """Run background jobs, such as sending mail, until SIGTERM; needed with LARDER_JOBS=off."""
    jobs.run_consumer()


@user_commands.command("list")
def list_users():
    """List all users."""
    table = Table("email", "name", "roles", "active")
    with explained(), database.connection_context():
        for user in users.list_users():
            name = Text(without_controls(user.name))  # as Text it has no markup
            table.add_row(user.email, name, ", ".join(user.roles()), "yes" if user.active else "no")
    Console().print(table)


@user_commands.command()
@click.argument("email")
def promote(email):
    """Make EMAIL an admin."""
    with explained(), database.connection_context():
        user = users.get_user_by_email(email)
        user_updates.update_user(SYSTEM, user.id, {"roles": [*user.roles(), ADMIN]})
    click.echo(f"{email} is an admin")


@user_commands.command("reset-password")
@click.argument("email")
@click.password_option(help="Asked for if it is not given.")
def reset_password(email, password):
    """Set a new password for EMAIL; ends all their sessions and API keys."""
    with explained(), database.connection_context():
        user_updates.update_user(SYSTEM, users.get_user_by_email(email).id, {"password": password})
    click.echo(f"{email} has a new password")


@user_commands.command("link")
@click.argument("email", required=False)
def make_link(email):
    """Print a link that lets EMAIL, or else the first admin, set a new password once."""
    with explained(), database.connection_context():
        address, link = recovery.make_reset_link(SYSTEM, current_build().settings, email)
    minutes = current_build().settings.reset_token_seconds // 60
    click.echo(f"With this link {address} can set a new password, once and within {minutes} minutes:\n{link}")


@user_commands.command("first-admin")
def make_first_admin():
    """Create the first admin, LARDER_ADMIN_EMAIL, unless there is one; print a generated password once."""
    with explained():
        made_up = sign_in.create_first_admin(current_build().settings)
    if made_up:
        click.echo("First admin, shown this once: sign in as {} with the password {}".format(*made_up))


@user_commands.command()
@click.argument("email")
@click.option("--name", default="", help="Display name; defaults to the e-mail address.")
@click.option("--admin", is_flag=True, help="Make them an admin, who may do everything.")
@click.password_option(help="Asked for if it is not given.")
def create(email, name, admin, password):
    """Create an account for EMAIL."""
    roles = [ADMIN, MEMBER] if admin else [MEMBER]
    with explained(), database.connection_context():
        users.create_user(SYSTEM, email=email, password=password, name=name or email, roles=roles)
    click.echo(f"created {email}")


@definitions.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--confirm", metavar="FINGERPRINT", help="Fingerprint of the plan; required if it loses data.")
def apply(path, confirm):
    """Change roles and resources to what PATH declares, a YAML file or a folder of them, in one transaction.

    Resources that are not named stay as they are; a resource of `null` is dropped.
    """
    document = _read_documents(path)
    with explained(), database.connection_context():
        outcome = documents.apply_document(SYSTEM, document, confirm=confirm)
    for name, what in outcome:
        click.echo(f"{what} {name}")


@definitions.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def plan(path, as_json):
    """Show what `apply` would do with PATH, step by step; exit with 1 if it cannot be done."""
    document = _read_documents(path)
    with explained(), database.connection_context():
        found = documents.plan_document(SYSTEM, document)
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        _show_plan(found)
    sys.exit(0 if found.is_possible else 1)


def _show_plan(found):
    for step in found.steps:
        mark = "impossible: " if step.impossible else "loses data: " if step.loses_data else ""
        click.echo(f"{step.resource}: {mark}{without_controls(step.text)}")
        if step.ids:
            click.echo(f"    {', '.join(step.ids)}{' …' if step.records > len(step.ids) else ''}")
    if not found.steps:
        click.echo("There is nothing to do.")
    elif found.is_possible and found.loses_data:
        click.echo(f"To apply it and lose that data: flask resources apply --confirm {found.fingerprint}")


def _read_documents(path):
    """Return what a YAML file, or all of a folder together, declares."""
    files = [path] if path.is_file() else sorted(each for each in path.iterdir() if each.suffix in (".yml", ".yaml"))
    whole = {}
    for file in files:
        try:
            document = load_yaml(file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise click.ClickException(f"{file} is not YAML in UTF-8: {error}") from error
        if len(files) == 1 or not isinstance(document, dict):
            return document
        for part, declared in document.items():
            if twice := set(whole.get(part, {})) & set(declared or {}):
                raise click.ClickException(f"{file} declares {', '.join(sorted(twice))} a second time.")
            whole[part] = whole.get(part, {}) | (declared or {})
    return whole


@definitions.command()
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
def export(file):
    """Write all roles and resources as YAML to FILE, or to the terminal."""
    with explained(), database.connection_context():
        document = documents.export_document()
    yaml.safe_dump(document, file, **READABLE)


@records.command("export")
@click.argument("resource")
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
def export_records(resource, file):
    """Write all records of RESOURCE to FILE: NDJSON if its name ends in .ndjson or .jsonl, otherwise CSV."""
    form = "ndjson" if file.suffix in (".ndjson", ".jsonl") else "csv"
    with explained(), database.connection_context():
        texts = exports.export_records(SYSTEM, current_build().catalog[resource], ListQuery(), form)
        with file.open("w", encoding="utf-8", newline="") as out:
            out.writelines(texts)


@records.command("import")
@click.argument("resource")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", metavar="FIELD", help="Update records that already have this key: a unique field or `id`.")
@click.option("--dry-run", is_flag=True, help="Check everything and write nothing.")
@click.option("--keep-good", is_flag=True, help="Write the valid rows even if some are invalid.")
@click.option("--if-empty", is_flag=True, help="Do nothing if the resource has records.")
def import_records(resource, file, key, dry_run, keep_good, if_empty):
    """Create a record from each line of FILE: NDJSON if its name ends in .ndjson or .jsonl, otherwise CSV.

    The first line of a CSV file names the columns: fields of the resource, or `country_code` for the reference
    `country` by the unique field `code` of its target. Invalid rows are listed with their lines; then nothing is
    written.
    """
    with explained(), database.connection_context():
        target = current_build().catalog[resource]
        if if_empty and list_records(SYSTEM, target, ListQuery(per_page=1, count=False)).items:
            click.echo(f"{resource} has records; nothing was imported.")
            return
        report = _import_with_progress(target, file, key, dry_run, keep_good)
    for line, reason in report.problems:
        click.echo(f"line {line}: {without_controls(reason)}", err=True)
    done = "would be written" if dry_run else "written"
    good = report.created + report.updated
    skipped = f" {report.skipped} without values skipped." if report.skipped else ""
    click.echo(f"{resource}: {report.rows} rows read, {good} {done}, {report.bad} bad.{skipped}")
    sys.exit(1 if report.bad else 0)


@backup.command("create")
def create_backup():
    """Make a backup while others read and write; the last line printed is its path."""
    with explained():
        made = backups.create_backup(current_build().settings, SYSTEM)
    click.echo(current_build().settings.backup_dir / made.name)


@backup.command("list")
def list_backups():
    """List the backups of LARDER_BACKUP_DIR, the latest first."""
    table = Table(Column("name", no_wrap=True), "size", "Larder", "database", "rows")
    for made in backups.list_backups(current_build().settings):
        facts = made.manifest
        told = (facts.version, facts.database, f"{sum(facts.counts.values()):,}") if facts else ("damaged",)
        table.add_row(made.name, decimal(made.bytes), *told)
    Console().print(table)


@backup.command("verify")
@click.argument("backup")
def verify_backup(backup):
    """Read the whole of BACKUP, a name or a path, and check its content."""
    with explained():
        manifest = backups.verify_backup(current_build().settings, backup)
    rows = sum(manifest.counts.values())
    click.echo(f"{backup} is intact: {rows:,} rows of {manifest.created_at}, Larder {manifest.version}.")


@backup.command("restore")
@click.argument("backup")
def restore_backup(backup):
    """Replace the content of the database with BACKUP, a name or a path; everyone must sign in again.

    The backup is verified first, and the replaced content is kept. Servers can keep running.
    """
    with explained():
        manifest, kept = backups.restore_backup(current_build().settings, backup)
    click.echo(f"Restored {sum(manifest.counts.values()):,} rows of {manifest.created_at}.")
    if kept:
        click.echo(f"The previous content is kept as {kept}.")


@backup.command("prune")
@click.option("--keep", type=click.IntRange(min=1), help="How many backups to keep; by default LARDER_BACKUP_KEEP.")
def prune_backups(keep):
    """Delete all but the latest backups, and their copies."""
    with explained():
        gone = backups.prune_backups(current_build().settings, keep or current_build().settings.backup_keep)
    click.echo("\n".join(f"deleted {name}" for name in gone) or "There are no backups to delete.")


def _import_with_progress(target, file, key, dry_run, keep_good):
    total = _count_lines(file)
    rows = importing.JsonRows if file.suffix.lower() in (".ndjson", ".jsonl") else importing.CsvRows
    with file.open("rb") as content, Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(target.name, total=total)
        options = importing.Options(
            key=key,
            dry_run=dry_run,
            keep_good=keep_good,
            progress=lambda line: progress.update(task, completed=line),
        )
        content_rows = rows(content, current_build().settings.max_body_bytes)
        report = importing.import_records(SYSTEM, target, content_rows, options)
        progress.update(task, completed=total)
    return report


def _count_lines(file):
    with file.open("rb") as lines:
        return sum(1 for _ in lines)


class explained:
    """Context manager that turns a refusal into a message and an exit status of 1."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, LarderError):
            # The steps of a plan, and what is wrong with a file as a whole, are in the message.
            known = {part: told for part, told in error.details.items() if part not in ("plan", "rows")}
            details = "\n" + yaml.safe_dump(known, **READABLE, width=1000) if known else ""
            raise click.ClickException(f"{error.message}{details}") from error
        if isinstance(error, DATABASE_ERRORS):
            known = database.failure_of(error)
            if reason := database.temporary_reason(known):
                raise click.ClickException(f"The database cannot do this now: {reason}.") from error
            if database.is_wrong_shape(known):
                raise click.ClickException(migrations.NOT_MIGRATED) from error
