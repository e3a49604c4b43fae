"""`flask users`: users and their accounts."""

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backend.cli.output import error_messages
from backend.middleware.app import get_app
from backend.models.database import database
from backend.models.role import ADMIN, MEMBER
from backend.services.access.actors import SYSTEM
from backend.services.access.permissions import PERMISSIONS
from backend.services.accounts import api_keys, recovery, service_accounts, sign_in, user_updates, users
from backend.utils.controls import without_controls

commands = AppGroup("users", help="Users and their accounts.")


@commands.command("list", epilog="Example: flask users list")
def list_users() -> None:
    """List all users."""
    table = Table("email", "name", "roles", "active")
    with error_messages(), database.connection_context():
        for user in users.list_users():
            name = Text(without_controls(user.name))  # Text, so that rich reads no markup in it
            table.add_row(user.email or f"({user.kind})", name, ", ".join(user.roles()), "yes" if user.active else "no")
    Console().print(table)


@commands.command("create", epilog='Example: flask users create ada@example.com --name "Ada Byron" --admin')
@click.argument("email")
@click.option("--name", default="", help="Display name; defaults to the e-mail address.")
@click.option("--admin", is_flag=True, help="Make them an admin, who may do everything.")
@click.password_option(help="Asked for if it is not given.")
def create_user(email: str, name: str, admin: bool, password: str) -> None:
    """Create an account for EMAIL."""
    roles = [ADMIN, MEMBER] if admin else [MEMBER]
    with error_messages(), database.connection_context():
        users.create_user(SYSTEM, email=email, password=password, name=name or email, roles=roles)
    click.echo(f"created {email}")


@commands.command("create-service", epilog="Example: flask users create-service 'Nightly import' --role editor")
@click.argument("name")
@click.option("--role", "roles", multiple=True, help="A role that it gets; can be repeated.")
def create_service(name: str, roles: tuple[str, ...]) -> None:
    """Create the service account NAME, for a program."""
    with error_messages(), database.connection_context():
        service_accounts.create_service(SYSTEM, name=name, roles=roles)
    click.echo(f"created {name}")


@commands.command("create-key", epilog="Example: flask users create-key 'Nightly import' --role editor")
@click.argument("service")
@click.option("--name", default="Command line", show_default=True, help="Name of the key.")
@click.option("--role", "roles", multiple=True, help="A role of the key; by default all roles of SERVICE.")
@click.option(
    "--permission",
    "permissions",
    type=click.Choice([*PERMISSIONS]),
    metavar="PERMISSION",
    multiple=True,
    help="A permission of the key, such as records:read; can be repeated.",
)
def create_key(service: str, name: str, roles: tuple[str, ...], permissions: tuple[str, ...]) -> None:
    """Create an API key of a service account.

    SERVICE is its name. Prints the secret of the key, which is shown only once.
    """
    with error_messages(), database.connection_context():
        user_id = service_accounts.get_service(service).id
        _, secret = api_keys.create_key(SYSTEM, name=name, roles=roles, permissions=permissions, user_id=user_id)
    click.echo(secret)


@commands.command("promote", epilog="Example: flask users promote ada@example.com")
@click.argument("email")
def promote(email: str) -> None:
    """Make EMAIL an admin."""
    with error_messages(), database.connection_context():
        user = service_accounts.find_account(email)
        user_updates.update_user(SYSTEM, user.id, {"roles": [*user.roles(), ADMIN]})
    click.echo(f"{email} is an admin")


@commands.command("reset-password", epilog="Example: flask users reset-password ada@example.com")
@click.argument("email")
@click.password_option(help="Asked for if it is not given.")
def reset_password(email: str, password: str) -> None:
    """Set a new password for EMAIL.

    Ends all their sessions and API keys.
    """
    with error_messages(), database.connection_context():
        user_updates.update_user(SYSTEM, users.get_user_by_email(email).id, {"password": password})
    click.echo(f"{email} has a new password")


@commands.command("delete", epilog="Example: flask users delete ada@example.com")
@click.argument("email")
@click.confirmation_option(prompt="Delete this account, as definitions say also with records?")
def delete_user(email: str) -> None:
    """Delete EMAIL, or a service account by its name.

    `on_owner_delete` and `on_delete` of definitions decide about their records.
    """
    with error_messages(), database.connection_context():
        users.delete_user(SYSTEM, get_app().catalog, service_accounts.find_account(email).id)
    click.echo(f"deleted {email}")


@commands.command("link", epilog="Example: flask users link ada@example.com")
@click.argument("email", required=False)
def make_link(email: str | None) -> None:
    """Print a link that sets a new password once.

    It is for EMAIL, by default for the first admin.
    """
    settings = get_app().settings
    with error_messages(), database.connection_context():
        address, link = recovery.make_reset_link(SYSTEM, settings, email)
    minutes = settings.reset_token_seconds // 60
    click.echo(f"With this link {address} can set a new password, once and within {minutes} minutes:\n{link}")


@commands.command("first-admin", epilog="Example: flask users first-admin")
def create_first_admin() -> None:
    """Create the first admin, unless there is an admin.

    Its address is LARDER_ADMIN_EMAIL. A generated password is printed once.
    """
    with error_messages():
        generated = sign_in.create_first_admin(get_app().settings)
    if generated:
        email, password = generated
        click.echo(f"First admin, shown this once: sign in as {email} with the password {password}")
