"""Aggregates of records: `/api/v1/<name>/aggregate`."""

import json
from typing import Any

from flask import Response
from marshmallow import INCLUDE, Schema, fields

from backend.middleware.authentication import current_actor
from backend.routes.toolkit.aggregating import aggregate_query
from backend.routes.toolkit.envelope import json_response, list_meta
from backend.routes.toolkit.resource_blueprint import ResourceBlueprint
from backend.services.records.aggregates import aggregate

BY_FIELD = {"description": "Map of field to value"}


class GroupSchema(Schema):
    """A group: these members, and a member with the value of each field in `group_by`."""

    class Meta:
        """Accept the fields of `group_by`, too."""

        unknown = INCLUDE

    count = fields.Integer(metadata={"description": "Number of records; absent with `count=false`"})
    sum = fields.Dict(metadata=BY_FIELD)
    avg = fields.Dict(metadata=BY_FIELD)
    min = fields.Dict(metadata=BY_FIELD)
    max = fields.Dict(metadata=BY_FIELD)
    count_distinct = fields.Dict(metadata=BY_FIELD)


def add_views(blp: ResourceBlueprint) -> None:
    """Add the view to the blueprint of a resource."""

    @blp.get("/aggregate")
    @blp.guard(blp.allowed("list"))
    @blp.arguments(blp.schemas.aggregate_query, location="query")
    @blp.documented_response(200, GroupSchema(many=True))
    @blp.fails(401, 403)
    @blp.documented("list", "aggregate", f"Count, sum and compare {blp.resource.name}, by groups")
    def aggregate_records(arguments: dict[str, Any]) -> Response:
        query = aggregate_query(arguments, blp.definition.search)
        groups, total = aggregate(current_actor(), blp.resource, query)
        if not arguments["count"]:
            groups = [{name: value for name, value in group.items() if name != "count"} for group in groups]
        meta = list_meta(page=query.found.page, per_page=query.found.per_page, total=total, next_cursor=None)
        return json_response(json.dumps(groups, ensure_ascii=False), "OK", meta=json.dumps(meta))
