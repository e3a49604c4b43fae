"""`flask openapi` and `flask client`: what clients are generated from, and the types of a client."""

import json
from typing import TextIO

import click
from flask.cli import AppGroup

from backend.cli.output import error_messages
from backend.models.database import database
from backend.routes.toolkit.openapi import get_api
from backend.routes.toolkit.typescript import client_types
from backend.services.access.actors import SYSTEM, Actor
from backend.services.accounts import users

openapi = AppGroup("openapi", help="The OpenAPI document.")
client = AppGroup("client", help="Types for clients.")

user_option = click.option("--user", metavar="EMAIL", help="Include only what this user may see.")
file_argument = click.argument("file", type=click.File("w", encoding="utf-8", lazy=True), default="-")


@openapi.command("write", epilog="Example: flask openapi write openapi.json --user ann@example.com")
@file_argument
@user_option
def write_document(file: TextIO, user: str | None) -> None:
    """Write the OpenAPI document to FILE.

    It has everything, or with --user what this user may see. Without FILE it is printed.
    """
    document = json.loads(_document_for(user))
    file.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


@client.command("typescript", epilog="Example: flask client typescript larder.ts --user ann@example.com")
@file_argument
@user_option
def write_types(file: TextIO, user: str | None) -> None:
    """Write the types of a client to FILE, in TypeScript.

    They have all resources, or with --user what this user may see. Without FILE they are printed.
    """
    file.write(client_types(_document_for(user)))


def _document_for(email: str | None) -> bytes:
    """Return the OpenAPI document that a user gets; without an address, that with everything."""
    with error_messages(), database.connection_context():
        return get_api().document_for(_actor(email) if email else SYSTEM)


def _actor(email: str) -> Actor:
    user = users.get_user_by_email(email)
    return Actor(str(user.id), roles=frozenset(user.roles()))
