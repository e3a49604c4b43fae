"""URL rules that are made quickly."""

from werkzeug.routing import Rule


class LazyRule(Rule):
    """A rule that compiles the functions which make URLs of it when the first URL is made.

    Nobody makes one here, and compiling them takes four fifths of the time that making a rule takes.
    """

    def _compile_builder(self, append_unknown=True):
        compile_builder = super()._compile_builder

        def build(rule, *arguments, **options):
            return compile_builder(append_unknown)(rule, *arguments, **options)

        return build
