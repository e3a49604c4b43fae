"""Aggregates of records: `/api/v1/<name>/aggregate`."""

import json
from typing import Any

from flask import request

from backend.middleware.answer import Answer
from backend.middleware.authentication import current_actor
from backend.routes.toolkit.aggregate_parameters import aggregate_query
from backend.routes.toolkit.envelope import json_answer, list_meta
from backend.routes.toolkit.groups import make_group_schema
from backend.routes.toolkit.public_responses import documented_tag, tagged_if_public
from backend.routes.toolkit.resource_blueprint import ResourceBlueprint
from backend.services.records.aggregates import aggregate


def add_views(blp: ResourceBlueprint) -> None:
    """Add the view to the blueprint of a resource."""
    resource = blp.resource
    group = make_group_schema(f"{blp.names.type}Aggregate", resource.fields, resource.path_fields)

    @blp.get("/aggregate")
    @blp.guard(blp.allowed("list"))
    @blp.arguments(blp.schemas.aggregate_query, location="query")
    @blp.documented_response(200, group(many=True))
    @blp.fails(401, 403)
    @blp.documented(
        "list",
        f"aggregate_{blp.names.many}",
        f"Count, sum and compare {resource.name}, by groups",
        **documented_tag(blp.definition),
    )
    def aggregate_records(arguments: dict[str, Any]) -> Answer:
        query = aggregate_query(arguments, blp.definition.search)
        groups, total = aggregate(current_actor(), resource, query)
        if not arguments["count"]:
            groups = [{name: value for name, value in group.items() if name != "count"} for group in groups]
        meta = list_meta(page=query.found.page, per_page=query.found.per_page, total=total, next_cursor=None)
        answer = json_answer(json.dumps(groups, ensure_ascii=False), "OK", meta=json.dumps(meta))
        return tagged_if_public(blp.definition, answer, request.environ)
