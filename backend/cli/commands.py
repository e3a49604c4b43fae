"""All commands of `flask`, and the groups in which its help lists them."""

from collections.abc import Iterable, Iterator

import click
from click import Command, Context, HelpFormatter
from flask.cli import AppGroup

from backend.cli import backups, clients, data, database, doctor, jobs, mail, records, resources, run, users
from backend.middleware.app import App
from backend.utils.nearest import nearest

GROUPS: dict[str, tuple[Command, ...]] = {
    "Definitions": (resources.commands,),
    "Records": (records.commands,),
    "Clients": (clients.openapi, clients.client),
    "Users": (users.commands, mail.commands),
    "Operation": (doctor.doctor, database.commands, data.commands, backups.commands, jobs.commands),
}
OTHERS = "Development"  # the group of the commands that Flask and its extensions bring


class Commands(AppGroup):
    """The commands of Larder, which `flask --help` lists in groups."""

    def add_command(self, cmd: Command, name: str | None = None) -> None:
        """Add a command, unless there is one of its name: flask-smorest adds its own `openapi` again and again."""
        if (name or cmd.name) not in self.commands:
            super().add_command(cmd, name)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """Return the command of this name; None if there is none. Raises UsageError if it means another one."""
        command = super().get_command(ctx, cmd_name)
        # Flask's own group proposes only its own commands.
        if command is None and ctx.command is not self and (meant := nearest(cmd_name, self.commands)):
            ctx.fail(f"No such command '{cmd_name}'. Did you mean '{meant}'?")
        return command

    def list_commands(self, ctx: Context) -> list[str]:
        """Return the names of the commands; if this is for the help of Flask's own group, change that help.

        Flask loads the app only while it writes its list of commands. So all commands are hidden from that list, and
        the groups follow as the epilog.
        """
        names = super().list_commands(ctx)
        root = ctx.command
        if isinstance(root, click.Group) and root is not self and not ctx.resilient_parsing:  # parsing: completion
            for command in (*root.commands.values(), *self.commands.values()):
                command.hidden = True
            root.format_epilog = self.format_commands  # type: ignore[method-assign]
        return names

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the commands of each group with their summaries, and after them those that are in no group."""
        groups = {title: dict(_leaves(commands)) for title, commands in GROUPS.items()}
        root = ctx.command if isinstance(ctx.command, click.Group) else self
        ours = {command for commands in GROUPS.values() for command in commands}
        every = {name: command for name in root.list_commands(ctx) if (command := root.get_command(ctx, name))}
        if others := {name: command for name, command in every.items() if command not in ours}:
            groups[OTHERS] = others
        width = max(len(name) for commands in groups.values() for name in commands)
        for title, commands in groups.items():
            with formatter.section(title):
                limit = formatter.width - width - 6
                formatter.write_dl(
                    [(name.ljust(width), command.get_short_help_str(limit)) for name, command in commands.items()]
                )


def _leaves(commands: Iterable[Command]) -> Iterator[tuple[str, Command]]:
    """Yield (name, command) of each command; a group is replaced by its members, such as `records import`."""
    for command in commands:
        if isinstance(command, click.Group):
            yield from ((f"{command.name} {name}", member) for name, member in _leaves(command.commands.values()))
        else:
            yield command.name or "", command


def init_app(app: App) -> None:
    """Add the commands to `flask`."""
    run.init_app(app)
    app.cli = Commands(app.name)
    for commands in GROUPS.values():
        for command in commands:
            app.cli.add_command(command)
