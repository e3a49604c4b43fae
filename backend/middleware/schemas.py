"""The base of the schemas that a build makes."""

import marshmallow as ma


class BuiltSchema(ma.Schema):
    """A schema that lives as long as its build, and is never changed: smorest's copies of a view's notes share it."""

    class Meta:
        register = False  # marshmallow's registry would keep the schemas of old builds

    def __deepcopy__(self, memo):
        return self
