"""The names of resources in the document: in English where they can be, and never those of something else."""

from itertools import product

from backend.services.definitions.client_names import ENDINGS, camel_case, client_names
from backend.utils import plurals
from tests.conftest import ON_SQLITE

EXPECTED = {
    **{"countries": ("country", "countries", "Country"), "order_items": ("order_item", "order_items", "OrderItem")},
    **{"news": ("news_record", "news_records", "NewsRecord"), "box": ("box_record", "box_records", "BoxRecord")},
    **{"boxes": ("box", "boxes", "Box"), "people": ("person", "people", "Person")},
    **{"roles": ("roles_record", "roles_records", "RolesRecord"), "plans": ("plan", "plans", "Plan")},
    **{"user_settings": ("user_settings_record", "user_settings_records", "UserSettingsRecord")},
    **{"status_updates": ("status_updates_record", "status_updates_records", "StatusUpdatesRecord")},
}
WORDS = {
    **{"city": "cities", "day": "days", "house": "houses", "class": "classes", "batch": "batches", "cause": "causes"},
    **{"movie": "movies", "status": "statuses", "size": "sizes", "person": "people", "purchase": "purchases"},
    **{"photo": "photos", "cache": "caches", "address": "addresses", "quiz": "quizzes", "child": "children"},
}
NO_PLURALS = ["news", "status", "staff", "data", "series", "address", "analysis", "persons", "citys", "batchs", "s"]
TRICKY = [
    *("box", "boxes", "country", "countries", "country_updates", "country_update", "country_creates", "news"),
    *("news_records", "news_record", "session", "failures", "directories", "string_fields", "current_users", "healths"),
    *("api_roots", "user_profiles", "definition", "definitions", "country_history", "country_histories", "me", "mes"),
    *("error_details", "batch_results", "import_reports", "history_entries", "plan_steps", "other_fields", "tokens"),
    *("country_envelopes", "countries_envelope", "country_aggregates", "user_summaries", "directory_users"),
]


def test_words_have_a_singular_and_a_plural():
    assert {word: plurals.singular(word) for word in WORDS.values()} == {many: one for one, many in WORDS.items()}
    assert {word: plurals.singular(word) for word in NO_PLURALS} == dict.fromkeys(NO_PLURALS)


def test_no_two_words_have_the_same_singular():
    stems = ("box", "bas", "cit", "house", "knif", "lea", "bus", "child", "quiz", "cach", "hero", "pe", "statu", "mov")
    words = {stem + ending for stem, ending in product(stems, ("", "s", "es", "ies", "ves", "y", "ys", "sses", "ren"))}
    singulars = [each for word in words if (each := plurals.singular(word))]
    assert len(singulars) == len(set(singulars)) > 20


def test_names_in_the_code_of_clients():
    named = {name: (names.one, names.many, names.type) for name in EXPECTED if (names := client_names(name))}
    assert named == EXPECTED


@ON_SQLITE
def test_no_resource_has_a_name_of_another_one_or_of_the_system(admin):
    declared = []
    for name in TRICKY:
        access = {action: ["member"] for action in ("list", "read", "create", "update", "delete")}
        body = {"name": name, "fields": {"title": {"type": "string"}}, "access": access, "history": True}
        if admin.post("/resources", json=body).status_code == 201:
            declared.append(name)
    assert len(declared) == len(TRICKY)
    document = admin.get("http://localhost/openapi.json").json
    operations = [each for path in document["paths"].values() for each in path.values() if isinstance(each, dict)]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    for name in declared:
        record = document["components"]["schemas"][client_names(name).type]
        assert list(record["properties"])[:2] == ["id", "title"], name
    own = {client_names(name).type for name in declared}
    assert len(own) == len(declared)


@ON_SQLITE
def test_the_names_of_the_system_are_those_of_no_possible_resource(admin):
    document = admin.get("http://localhost/openapi.json").json
    schemas = [*document["components"]["schemas"]]
    pairs = [
        (name, name.removesuffix(ending)) for name in schemas for ending in ("", *ENDINGS) if name.endswith(ending)
    ]
    assert [pair for pair in pairs if pair[1] and taken(*pair)] == []


def taken(schema, base):
    """Return whether the resource whose singular is `base` has a schema of this name."""
    words = "".join(f"_{each.lower()}" if each.isupper() else each for each in base).strip("_")
    beginning, _, last = words.rpartition("_")
    resource = f"{beginning}_{plurals.plural(last)}".strip("_")
    names = client_names(resource)
    own = {camel_case(names.one) + ending for ending in ("", *ENDINGS)} | {f"{camel_case(names.many)}Envelope"}
    return schema in own and resource != "users"
