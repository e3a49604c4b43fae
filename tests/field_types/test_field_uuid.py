"""`uuid`: ids from somewhere else."""

from tests.field_types.contract import FieldTypeContract

ONE, TWO = "0192f0c1-2345-7abc-8def-0123456789ab", "ffffffff-ffff-4fff-bfff-ffffffffffff"
NIL = "00000000-0000-0000-0000-000000000000"


class TestUuid(FieldTypeContract):
    kept = [(ONE, ONE), (ONE.upper(), ONE), (NIL, NIL), (TWO, TWO)]
    refused = [
        *(1, True, [], {}, "", "x", ONE.replace("-", ""), f"{{{ONE}}}", f"urn:uuid:{ONE}", ONE[:-1], ONE + "0"),
        *(f" {ONE}", ONE.replace("c", "g")),
    ]
    rows = [TWO, ONE, None]
    filters = {
        f"={ONE}": [ONE],
        f"={ONE.upper()}": [ONE],
        f"__ne={ONE}": [TWO, None],
        f"__in={ONE},{TWO},{NIL}": [TWO, ONE],
        "__in=": [],
    }
    refused_filters = ["=x", "=", f"__in={ONE},", f"__gt={NIL}", "__contains=a"]
    ascending = [ONE, TWO, None]
    ordered = False
    refused_options = [({"default": "x"}, "default"), ({"max_length": 36}, "max_length")]
