"""How a request is read."""

from waitress.parser import HTTPRequestParser

IMPORT_PATH_END = "/import"


class Parser(HTTPRequestParser):
    """A request, which may have a larger body where that is a file of records."""

    def parse_header(self, header_plus):
        """Read the head of the request, and with it which limit there is to its body."""
        super().parse_header(header_plus)
        if self.path.endswith(IMPORT_PATH_END):
            self.adj = self.adj.of_imports
