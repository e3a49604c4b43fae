"""What Schemathesis leaves out: a request for some fields only, whose records lack what the document says they have."""

import schemathesis


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Remove `fields` from the parameters, and from the options of related records."""
    for path in raw_schema["paths"].values():
        for operation in path.values():
            parameters = operation.get("parameters", []) if isinstance(operation, dict) else []
            parameters[:] = [each for each in parameters if each.get("name") != "fields"]
            for each in parameters:
                names = each.get("schema", {}).get("propertyNames", {})
                if "|fields|" in names.get("pattern", ""):
                    names["pattern"] = names["pattern"].replace("|fields|", "|")
