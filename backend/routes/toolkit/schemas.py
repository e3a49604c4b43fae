"""The base of the schemas that are made from definitions."""

from marshmallow import Schema


class BuiltSchema(Schema):
    """A schema that is never changed, so that smorest's copies of a view's notes can share it."""

    class Meta:
        register = False  # marshmallow's registry would keep the schemas of former definitions

    def __deepcopy__(self, memo):
        return self
