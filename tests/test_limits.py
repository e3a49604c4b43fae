"""The page about limits: its numbers are those of the code, and the tests that it names are there."""

import re
from dataclasses import fields

from backend.config.settings import PREFIX, Settings
from backend.middleware.connections import parser
from backend.middleware.connections import server as connections
from backend.models.columns import WIDE_DIGITS
from backend.routes.toolkit import (
    aggregate_parameters,
    expand_parameter,
    list_parameters,
    lists,
    streaming,
    yaml_bodies,
)
from backend.services.accounts import passwords, profile_fields
from backend.services.backups import backups
from backend.services.definitions import checks, row_rules, schema, where
from backend.services.definitions.computed import tree
from backend.services.definitions.names import NAME
from backend.services.field_types import base, computable, enum, references, string, text, url
from backend.services.field_types import json as json_type
from backend.services.field_types import list as list_type
from backend.services.files import uploads
from backend.services.operation import idempotency, open_streams
from backend.services.records import batches, expansions, exports
from backend.services.storage import full_text
from backend.services.webhooks import calls, fan_out, queue, sender, targets
from backend.utils import file_names
from tests.parts.server import ROOT

PAGE = (ROOT / "docs" / "limits.md").read_text()
ROW = re.compile(r"^\| (?!limit )(.+?) \| (.+?) \| ?(?:`(\w+)`)? \| ?(\d*) \| `(\w+)` \|$", re.MULTILINE)
# The limits without a setting, in the order of the page.
FIXED = {
    "resources of an installation": checks.MAX_RESOURCES,
    "fields of a resource": schema.MAX_FIELDS,
    "characters of a name": sum(bool(NAME.fullmatch("a" * length)) for length in range(100)),
    "indexes of a resource": checks.MAX_INDEXES,
    "fields of one index": schema.MAX_INDEXED,
    "`checks` of a resource": schema.MAX_CHECKS,
    "`cache_seconds` of a resource": schema.MAX_CACHE_SECONDS,
    "grants of one action": schema.MAX_GRANTS,
    "values in all rules": row_rules.MAX_RULE_VALUES,
    "characters of a resource's": schema.MAX_DESCRIPTION,
    "characters of an expression": computable.MAX_LENGTH,
    "depth of parentheses": tree.MAX_DEPTH,
    "profile fields": profile_fields.MAX_FIELDS,
    "`max_length` of a `string`": string.MAX_LENGTH,
    "`max_length` of a `text`": text.MAX_LENGTH,
    "texts of one entry": base.MAX_INDEX_BYTES,
    "`precision` of a `decimal`": WIDE_DIGITS,
    "`choices` of an `enum`": enum.MAX_CHOICES,
    "`max` of a `list`": list_type.MAX_ITEMS,
    "`max_length` of a text in a `list`": list_type.MAX_LENGTH,
    "`max` of `references`": references.MAX_LINKS,
    "depth of a `json`": json_type.MAX_DEPTH,
    "characters of a `url`": url.MAX_LENGTH,
    "characters of a password": passwords.MAX_LENGTH,
    "records of one page": list_parameters.MAX_PER_PAGE,
    "records up to the end": lists.MAX_REACH,
    "best matches of a search": full_text.MAX_RANKED,
    "filters of one request": lists.MAX_FILTERS,
    "values of one `in`": where.MAX_IN,
    "characters of a text to search for": where.MAX_PART,
    "characters of `q`": list_parameters.MAX_QUERY,
    "fields of one `sort`": list_parameters.MAX_SORTED,
    "conditions of a `where`": where.MAX_CONDITIONS,
    "depth of the groups": where.MAX_DEPTH,
    "relations in one `expand`": expansions.MAX_EXPANSIONS,
    "depth of a relation": expansions.MAX_DEPTH,
    "records of a reverse relation": expand_parameter.MAX_RELATED,
    "expanded records": expansions.MAX_EXPANDED,
    "fields of each part": aggregate_parameters.MAX_AGGREGATED,
    "size of a body in YAML": yaml_bodies.MAX_YAML_BYTES,
    "size of the first line": parser.MAX_HEAD_BYTES,
    "operations of one": batches.MAX_OPERATIONS,
    "connections of one process": connections.MAX_CONNECTIONS,
    "age of an `Idempotency-Key`": idempotency.KEPT_FOR.total_seconds() // 3600,
    "time of an export": exports.FILE_SECONDS,
    "backups in the folder": backups.MAX_REQUESTED,
    "size of the files that a user has not attached": Settings().files_staged_bytes,
    "what each of these files counts": uploads.COUNTED_BYTES,
    "age of a file that was not attached": uploads.STAGED_FOR.total_seconds() // 3600,
    "characters of the name of a file": file_names.MAX_CHARACTERS,
    "streams of a user": open_streams.MAX_OF_AN_ACTOR,
    "lifetime of a stream": streaming.LIFE_SECONDS // 60,
    "characters of a URL": targets.MAX_URL_CHARACTERS,
    "duration of a call": calls.CALL_SECONDS,
    "size of a response": calls.MAX_RESPONSE_BYTES,
    "attempts of a delivery": len(queue.DELAYS) + 1,
    "longest wait": sender.LONGEST_WAIT.total_seconds() // 3600,
    "deliveries of a webhook that wait": fan_out.MAX_WAITING,
    "calls of a webhook at the same time": queue.THREADS,
}


def number(text):
    """Return the number at the beginning of a text, with commas between thousands."""
    return int(re.match(r"[\d,]+", text)[0].replace(",", ""))


def test_the_page_has_the_numbers_of_the_code():
    rows = ROW.findall(PAGE)
    assert len(rows) == len(re.findall(r"^\| (?!limit )", PAGE, re.MULTILINE))
    fixed = [(limit, number(value)) for limit, value, setting, *_ in rows if not setting]
    assert len(fixed) == len(FIXED)
    for (limit, value), (beginning, expected) in zip(fixed, FIXED.items(), strict=True):
        assert (limit.startswith(beginning), value) == (True, expected), (limit, beginning)


def test_the_page_has_the_defaults_of_the_settings():
    defaults = {PREFIX + each.name.upper(): each.default for each in fields(Settings)}
    settings = [(setting, value) for _, value, setting, *_ in ROW.findall(PAGE) if setting]
    assert len(settings) > 15
    for setting, value in settings:
        default = defaults[setting]
        assert (number(value) if isinstance(default, int) else value) == default, setting


def test_the_page_names_tests_that_are_there():
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for *_, name in ROW.findall(PAGE) if not re.search(rf"^(def|class) {name}\b", sources, re.M)] == []
