"""The names that a resource has in the OpenAPI document, and so in the code of clients.

A name depends on nothing but the name of the resource: no other resource changes it, and it says nothing about one.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from backend.services.definitions.names import RESERVED_RESOURCES
from backend.services.field_types.base import TYPES
from backend.services.field_types.reference import USERS
from backend.utils import plurals

# What the names of schemas of a resource end in, so that `country_updates` is not `CountryUpdate`.
ENDINGS = ("Create", "Update", "Where", "Aggregate", "Envelope", "Record", "Records", "Schema")
# Singulars in the names of schemas and operations of the system; a test compares them with the document.
SYSTEM_NAMES = {
    *("user", "user_profile", "user_registration", "user_replace", "user_setting", "user_summary"),
    *("current_user", "current_api_key", "service_account"),
    *(
        "directory_setting",
        "directory_user",
        "invited_user",
        "session",
        "user_session",
        "role",
        "api_key",
        "api_key_with_secret",
    ),
    *("invitation", "invitation_acceptance", "mail_request", "mail_token", "password_change", "password_reset"),
    *("definition", "definition_access", "definition_body", "definition_version", "plan_step"),
    *("definition_plan", "definition_proposal"),
    *("field_declaration", "field_set", "ruled_field_set", "access_grant", "ruled_grant", "other_field"),
    *("caller", "schema_registration", "schema_directory", "schema_field", "schema_relation", "schema_resource"),
    *(
        "history_entry",
        "changed_value",
        "audit_entry",
        "backup",
        "backup_copy",
        "backup_verification",
        "health_check",
        "job",
        "job_run",
    ),
    *("batch_operation", "batch_request", "batch_result", "list_meta", "staged_file", "attached_file", "file_link"),
    *("record_change", "changes_meta", "webhook", "webhook_with_secret", "webhook_delivery", "webhook_replay"),
    *("import_change", "import_problem", "import_report", "import_option", "proposed_definition"),
    *("api_root", "empty", "error_detail", "failure", "health", "me", "resource", "value_problem"),
}
KINDS = ("Condition", "Field", "Operators")  # of schemas that each field type has


@dataclass(frozen=True)
class ClientNames:
    """The singular and the plural of a resource: `country` and `countries`."""

    one: str
    many: str

    @property
    def type(self) -> str:
        """The name of the schema of a record, with which its other schemas begin: `Country`."""
        return camel_case(self.one)


@lru_cache(1024)
def client_names(resource: str) -> ClientNames:
    """Return the ClientNames of the resource with this name.

    A name that is no plural, such as `news`, gives `news_record` and `news_records`, and so does one whose singular the
    system uses: else `box` and `boxes` would both be `box`.
    """
    if resource == USERS:  # as others see them
        return ClientNames("directory_user", "directory_users")
    beginning, _, last = resource.rpartition("_")
    singular = plurals.singular(last)
    one = f"{beginning}_{singular}".lstrip("_")
    if singular is None or resource in RESERVED_RESOURCES or _is_taken(one):
        return ClientNames(f"{resource}_record", f"{resource}_records")
    return ClientNames(one, resource)


def _is_taken(one: str) -> bool:
    name = camel_case(one)
    of_types = {f"{field_type.title()}{kind}" for field_type in TYPES for kind in KINDS}
    return one in SYSTEM_NAMES or name in of_types or name.endswith(ENDINGS)


def camel_case(name: str) -> str:
    """Return a name such as `api_key` as `ApiKey`. Different names give different results."""
    return re.sub(r"(?:^|_)([a-z])", lambda found: found[1].upper(), name)
