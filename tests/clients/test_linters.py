"""redocly and spectral find nothing to say about the OpenAPI document."""

from tests.clients.node import FOLDER, run_tool
from tests.conftest import ON_SQLITE

SPECTRAL = ["--ruleset", FOLDER / "spectral.yml", "--fail-severity", "hint", "--quiet"]


def lint(document):
    """Lint a document with both; a warning is a failure."""
    report = run_tool("redocly", "lint", document, "--extends", "recommended")
    assert "warning" not in report.lower(), report
    run_tool("spectral", "lint", document, *SPECTRAL)


@ON_SQLITE
def test_the_document_of_a_member_has_no_findings(document):
    lint(document)


def test_the_document_of_an_example_has_no_findings(example_document):
    lint(example_document)
