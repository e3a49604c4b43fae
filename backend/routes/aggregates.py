"""Aggregates of records: `/api/v1/<name>/aggregate`."""

import json

from marshmallow import INCLUDE, Schema, fields

from backend.middleware.authentication import current_actor
from backend.routes.toolkit.envelope import json_response, list_meta
from backend.routes.toolkit.lists import aggregate_query
from backend.services.records.aggregates import aggregate

BY_FIELD = {"description": "By field"}


class GroupSchema(Schema):
    """A group: beside what is here, the fields of `group_by` with its values."""

    class Meta:
        unknown = INCLUDE

    count = fields.Integer(metadata={"description": "How many records; unless `count=false`"})
    sum = fields.Dict(metadata=BY_FIELD)
    avg = fields.Dict(metadata=BY_FIELD)
    min = fields.Dict(metadata=BY_FIELD)
    max = fields.Dict(metadata=BY_FIELD)


def add_views(blp):
    """Add the view to the blueprint of a resource."""
    resource, name = blp.resource, blp.resource.name

    @blp.get("/aggregate")
    @blp.guard(blp.allowed("list"))
    @blp.arguments(blp.schemas.aggregate, location="query")
    @blp.answers(200, GroupSchema(many=True))
    @blp.fails(401, 403)
    @blp.documented("list", "aggregate", f"Count, add up and compare {name}, by groups")
    def aggregate_records(arguments):
        counts = arguments["count"]
        query = aggregate_query(arguments, blp.definition.search)
        groups, total = aggregate(current_actor(), resource, query)
        if not counts:
            groups = [{part: value for part, value in group.items() if part != "count"} for group in groups]
        meta = list_meta(page=query.found.page, per_page=query.found.per_page, total=total, next_cursor=None)
        return json_response(json.dumps(groups, ensure_ascii=False), "OK", meta=json.dumps(meta))
