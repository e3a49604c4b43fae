"""Runs commands of `flask`."""

import pytest


@pytest.fixture
def run(app):
    """A function that runs a `flask …` command and returns (exit code, output)."""

    def invoke(*arguments):
        result = app.test_cli_runner().invoke(args=[str(each) for each in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    return invoke


@pytest.fixture
def written(tmp_path):
    """A function that writes a YAML file and returns its path."""

    def write(text):
        path = tmp_path / "resources.yml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
