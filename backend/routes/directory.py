"""The directory of users: `/api/v1/directory`. Its blueprint is made from the settings of users."""

from typing import Any

from marshmallow import validate

from backend.middleware.answer import Answer
from backend.middleware.authentication import current_actor
from backend.middleware.guards import needing
from backend.middleware.paths import API
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.list_parameters import MAX_QUERY, Parameters, list_parameters, make_row_schema
from backend.routes.toolkit.lists import list_query, page_answer
from backend.routes.toolkit.profiles import profile_schemas
from backend.services.definitions.catalog import Resource
from backend.services.definitions.client_names import client_names
from backend.services.definitions.people import SEARCH, searched_fields, shown_fields
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.records import directory


def make_blueprint(people: Resource) -> Blueprint:
    """Return the blueprint with the list of people."""
    blp = Blueprint("directory", __name__, url_prefix=f"{API}/directory", description="The users that others may see")
    shown = shown_fields(people.definition)
    query = QuerySchema.from_dict(list_parameters(shown, more=_search_parameter(people)), name="directory_query")
    person = make_row_schema(client_names(people.name).type, shown)
    blp.extra_schemas = profile_schemas(people)

    @blp.get("")
    @blp.guard(needing("a role that sees the directory")(lambda: directory.require_open(current_actor(), people)))
    @blp.arguments(query, location="query")
    @blp.documented_response(200, person(many=True))
    @blp.fails(400, 401, 403)
    @blp.doc(operationId="list_directory")
    def list_people(arguments: dict[str, Any]) -> Answer:
        """List the active users, with what `/users/settings` shows of them"""
        text = arguments.pop(SEARCH, "")
        query = list_query(arguments)
        return page_answer(query, directory.list_people(current_actor(), people, query, text))

    return blp


def _search_parameter(people: Resource) -> Parameters:
    names = ", ".join(f"`{name}`" for name in searched_fields(people.definition))
    if not names:
        return {}
    description = f"Texts, separated by spaces, that must each occur in {names}, in upper or lower case"
    return {SEARCH: StrictText(validate=validate.Length(max=MAX_QUERY), metadata={"description": description})}
