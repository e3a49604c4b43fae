"""The texts of mails: templates of Larder, which those in LARDER_MAIL_TEMPLATES replace.

A file is named `KIND.txt` or `KIND.html`, with a language `KIND.de.txt`. The first line of a `.txt` is the subject.
"""

import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    select_autoescape,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from backend.config.checks import SettingsError
from backend.config.settings import Settings

OWN_FOLDER = Path(__file__).parent / "mail_templates"
OWN = FileSystemLoader(OWN_FOLDER)
LAYOUT = "layout"  # what other templates extend
SUBJECT = "Subject: "  # the beginning of a text
# What a template of a wrong author can raise when it is rendered.
RENDER_ERRORS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)

WITH_LINK: dict[str, Any] = {
    "link": "https://example.com/#token=abc",
    "expires_at": datetime(2026, 1, 31, 12, tzinfo=UTC),
}
# Map of kind to sample values of the variables that it has beside COMMON.
KINDS: dict[str, dict[str, Any]] = {
    "verification": WITH_LINK,
    "already_registered": {},
    "reset": WITH_LINK,
    "password_changed": {},
    "address_changed": {},
    "invitation": {**WITH_LINK, "inviter": "Ada Lovelace", "roles": ["editor"]},
    "webhook_failed": {"webhooks": ["Orders to the ERP"]},
    "webhook_off": {"webhooks": ["Orders to the ERP"]},
}
COMMON = {"app_name": "Example", "app_url": "https://example.com"}


class MailText(NamedTuple):
    """The content of a mail; `html` is None where only a text was written."""

    subject: str
    text: str
    html: str | None


class _Sources(NamedTuple):
    """The templates of a mail in one language."""

    text: Template
    html: Template | None


class MailTexts:
    """The templates of this process: those of Larder, and those of the installation, which replace them."""

    def open(self, settings: Settings) -> None:
        """Read the templates of the installation. Raises SettingsError, naming file and line, if one cannot be used."""
        folder = settings.mail_templates
        self._replaced = {} if folder is None else _read(folder, ChoiceLoader([FileSystemLoader(folder), OWN]))

    def render(self, kind: str, language: str | None, values: Mapping[str, Any]) -> MailText:
        """Return the mail of a kind, in a language such as `de-AT` if it was translated, else in the usual one."""
        wanted = (language or "").lower()
        choices = (wanted, wanted.partition("-")[0], "")
        sources = _own() | self._replaced
        return _render(next(sources[kind, each] for each in choices if (kind, each) in sources), values)


mail_texts = MailTexts()


@cache
def _own() -> dict[tuple[str, str], _Sources]:
    """Return the templates of Larder, read for the first mail: to compile them takes most of the time of a start."""
    return _read(OWN_FOLDER, OWN)


def _read(folder: Path, loader: BaseLoader) -> dict[tuple[str, str], _Sources]:
    """Return the map of (kind, language) to the templates in a folder, each tried with sample values."""
    environment = ImmutableSandboxedEnvironment(
        loader=loader, autoescape=select_autoescape(["html"]), undefined=StrictUndefined, trim_blocks=True
    )
    try:
        names = {each.name for each in folder.iterdir() if each.suffix in (".txt", ".html")}
    except OSError as error:
        raise _unusable(folder, f"{error.strerror}.") from error
    found = {}
    for name in sorted(names - {f"{LAYOUT}.html"}):
        stem, _, suffix = name.rpartition(".")
        kind, _, language = stem.partition(".")
        if kind not in KINDS:
            raise _unusable(folder / name, f"the mails are {', '.join(KINDS)}.")
        if f"{stem}.txt" not in names:
            raise _unusable(folder / name, f"it needs {stem}.txt beside it, whose first line is the subject.")
        if suffix == "txt":
            found[kind, language.lower()] = _try(environment, folder, stem, has_html=f"{stem}.html" in names)
    return found


def _try(environment: Environment, folder: Path, stem: str, *, has_html: bool) -> _Sources:
    """Return the templates of a mail after they were rendered. Raises SettingsError if one cannot be."""
    kind = stem.partition(".")[0]
    samples = [COMMON | KINDS[kind]]
    if "inviter" in samples[0]:
        samples.append(samples[0] | {"inviter": None, "roles": []})  # the account may have been deleted since
    try:
        sources = _Sources(
            environment.get_template(f"{stem}.txt"), environment.get_template(f"{stem}.html") if has_html else None
        )
        for values in samples:
            _render(sources, values)
    except TemplateSyntaxError as error:
        raise _unusable(Path(error.filename or folder), f"{error.message}", error.lineno) from error
    except RENDER_ERRORS as error:
        lines = [each for each in traceback.extract_tb(error.__traceback__) if each.filename.startswith(str(folder))]
        path, line = (Path(lines[-1].filename), lines[-1].lineno) if lines else (folder / f"{stem}.txt", None)
        raise _unusable(path, str(error), line) from error
    return sources


def _render(sources: _Sources, values: Mapping[str, Any]) -> MailText:
    subject, _, text = sources.text.render(values).partition("\n")
    if not subject.startswith(SUBJECT):
        raise ValueError(f"The first line must begin with {SUBJECT!r}.")
    html = sources.html.render(values) if sources.html else None
    return MailText(subject.removeprefix(SUBJECT).strip(), text.strip("\n") + "\n", html)


def _unusable(path: Path, problem: str, line: int | None = None) -> SettingsError:
    place = f", line {line}" if line else ""
    return SettingsError(f"LARDER_MAIL_TEMPLATES: {path}{place}: {problem}")
