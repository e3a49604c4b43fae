"""The settings, the secret key, and the documents that list the settings."""

import dataclasses
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from backend import create_app
from backend.config.checks import SettingsError
from backend.config.reading import read_settings, unknown_variables
from backend.config.secret_key import load_secret_keys
from backend.config.settings import Settings

ROOT = Path(__file__).parents[2]
NAMES = ["LARDER_" + item.name.upper() for item in dataclasses.fields(Settings)]

WRONG_VALUES = [
    ("LARDER_PORT", "eighty", "whole number"),
    ("LARDER_PORT", "0", "from 1 to 65535"),
    ("LARDER_PORT", "65536", "from 1 to 65535"),
    ("LARDER_THREADS", "0", "at least 1"),
    ("LARDER_THREADS", "2.5", "whole number"),
    ("LARDER_REUSE_PORT", "perhaps", "true or false"),
    ("LARDER_UPGRADE_AT_START", "2", "true or false"),
    ("LARDER_SECRET_KEY", "x" * 31, "at least 32 bytes"),
    ("LARDER_DATABASE_URL", "mysql://localhost/larder", "postgresql://USER"),
    ("LARDER_DATABASE_URL", "larder.db", "sqlite:///PATH"),
    *(
        ("LARDER_DATABASE_URL", f"sqlite:///{path}", "the path of a file after sqlite:///")
        for path in ("", ":memory:", "file:larder.db", "file::memory:?cache=shared", "larder.db?mode=ro", "data/")
    ),
    ("LARDER_DATABASE_URL", "sqlite://", "sqlite:///PATH"),
    ("LARDER_DATA_DIR", "~nobody-of-this-name/larder", "~nobody-of-this-name"),
    ("LARDER_LOG_LEVEL", "LOUD", "DEBUG, INFO"),
    ("LARDER_LOG_FORMAT", "xml", "json, text"),
    ("LARDER_REGISTRATION", "perhaps", "open, invitation, closed"),
    ("LARDER_SQLITE_SYNCHRONOUS", "off", "full, normal"),
    ("LARDER_ACCESS_TOKEN_SECONDS", "-1", "at least 1"),
    ("LARDER_ACCESS_TOKEN_SECONDS", "15m", "whole number"),
    ("LARDER_REFRESH_TOKEN_SECONDS", "0", "at least 1"),
    ("LARDER_MAX_BODY_BYTES", "1023", "at least 1024"),
    ("LARDER_DATABASE_TIMEOUT_SECONDS", "0", "at least 1"),
    *(
        ("LARDER_FILES", url, "file:///PATH or s3://BUCKET")
        for url in ("files", "file://files", "s3:///files", "gs://x")
    ),
    ("LARDER_MAX_FILE_BYTES", "1023", "at least 1024"),
    ("LARDER_FILES_STAGED_BYTES", "1023", "at least 1024"),
    ("LARDER_FILES_MAX_BYTES", "0", "at least 1024"),
    ("LARDER_FILES_KEEP_DAYS", "-1", "from 0 to 3650"),
    ("LARDER_WEBHOOK_NETWORKS", "10.0.0.1/8", "Expected addresses and networks"),
    ("LARDER_ADMIN_EMAIL", "admin", "an e-mail address"),
    ("LARDER_SECRET_KEY_FILE", "/nowhere/key", "readable file"),
    ("LARDER_APP_URL", "garden.example.com", "such as https://larder.example.com"),
    ("LARDER_RESET_PATH", "reset?token=", "such as /reset?token="),
    ("LARDER_INVITATION_PATH", "/invitation", "such as /reset?token="),
    ("LARDER_MAIL_TEMPLATES", "~nobody-of-this-name/mail", "~nobody-of-this-name"),
    ("LARDER_RATE_LIMIT", "6000", "such as 10/minute"),
    ("LARDER_RATE_LIMIT", "0/minute", "such as 10/minute"),
    ("LARDER_RATE_LIMIT_AUTH", "10/fortnight", "such as 10/minute"),
    ("LARDER_RATE_LIMIT_AUTH", "10/minute;often", "such as 10/minute"),
    ("LARDER_REDIS_URL", "localhost:6379", "redis://HOST"),
    ("LARDER_TRUSTED_PROXIES", "proxy.local", "such as 127.0.0.1"),
    ("LARDER_TRUSTED_PROXIES", "10.0.0.1, ", "such as 127.0.0.1"),
    ("LARDER_TRUSTED_PROXIES", "10.0.0.1/8", "such as 127.0.0.1"),
    ("LARDER_PUBLIC_URL", "larder.example.com", "such as https://larder.example.com"),
    *(
        ("LARDER_PUBLIC_URL", f"https://example.com/{path}", "a path of letters, digits")
        for path in ("lar der", "l%C3%A4rder", "//x", "a/../b", ".", "<b>")
    ),
    ("LARDER_CORS_ORIGINS", "app.example.com", "such as https://app.example.com"),
    ("LARDER_CORS_ORIGINS", "https://app.example.com/", "such as https://app.example.com"),
    ("LARDER_CORS_ORIGINS", "https://App.example.com", "such as https://app.example.com"),
    ("LARDER_CORS_ORIGINS", "https://app.example.com:443", "such as https://app.example.com"),
    ("LARDER_CORS_ORIGINS", "http://localhost:80", "such as https://app.example.com"),
    ("LARDER_CORS_ORIGINS", "https://*.example.com", "such as https://app.example.com"),
    ("LARDER_CORS_ORIGINS", "https://app.example.com,", "such as https://app.example.com"),
    ("LARDER_CORS_ORIGINS", "null", "such as https://app.example.com"),
    ("LARDER_PASSWORD_STRENGTH", "5", "from 0 to 4"),
    ("LARDER_PASSWORD_HASHES_AT_ONCE", "0", "at least 1"),
    ("LARDER_ARGON2_TIME_COST", "0", "at least 1"),
    ("LARDER_ARGON2_MEMORY_KIB", "7", "at least 8"),
    ("LARDER_ARGON2_PARALLELISM", "0", "at least 1"),
    ("LARDER_ARGON2_PARALLELISM", "5000", "at least 8 for each of LARDER_ARGON2_PARALLELISM"),
]


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    """An environment without settings, in a folder without a `.env`, put back as it was afterwards."""
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("LARDER_")]:
        del os.environ[name]
    yield os.environ
    os.environ.clear()
    os.environ.update(before)


def test_without_any_variable_the_defaults_hold(tmp_path):
    settings = read_settings()
    assert settings == Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.database_url == "sqlite:///data/larder.db"


def test_the_database_is_by_default_in_the_data_folder(environment):
    environment["LARDER_DATA_DIR"] = "/srv/larder"
    assert read_settings().database_url == "sqlite:////srv/larder/larder.db"


@pytest.mark.parametrize("blank", ["", "  ", '""', "' '"])
def test_a_blank_variable_is_one_that_is_not_set(environment, tmp_path, blank):
    environment |= dict.fromkeys(NAMES, blank) | {f"{name}_FILE": blank for name in NAMES}
    assert read_settings() == Settings()
    (tmp_path / ".env").write_text("".join(f"{name}={blank}\n{name}_FILE={blank}\n" for name in NAMES))
    assert read_settings() == Settings()
    environment["LARDER_PORT"] = blank
    (tmp_path / ".env").write_text("LARDER_PORT=9000\nLARDER_HOST=\n")
    assert (read_settings().port, read_settings().host) == (9000, "127.0.0.1")


def test_quotes_and_spaces_around_a_value_are_removed(environment, tmp_path):
    environment |= {"LARDER_PORT": '"8080"', "LARDER_HOST": " '::1' ", "LARDER_BACKUP_SCHEDULE": "'15 3 * * *'"}
    environment["LARDER_ADMIN_PASSWORD"] = """it's "water\""""
    (tmp_path / ".env").write_text("LARDER_LOG_LEVEL = 'DEBUG'  # a comment\nexport LARDER_DATA_DIR=\"/srv/my data\"\n")
    settings = read_settings()
    assert (settings.port, settings.host, settings.backup_schedule) == (8080, "::1", "15 3 * * *")
    assert (settings.log_level, settings.data_dir) == ("DEBUG", Path("/srv/my data"))
    assert settings.admin_password == """it's "water\""""


def test_a_tilde_is_the_home_folder(environment, tmp_path):
    environment |= {"HOME": str(tmp_path), "LARDER_DATA_DIR": "~/larder", "LARDER_BACKUP_DIR": "~/backups"}
    assert (read_settings().data_dir, read_settings().backup_dir) == (tmp_path / "larder", tmp_path / "backups")
    assert read_settings().database_url == f"sqlite:///{tmp_path}/larder/larder.db"
    environment |= {"LARDER_DATABASE_URL": "sqlite:///~/larder.db", "LARDER_BACKUP_TARGET": "file:///~/copies"}
    assert read_settings().database_url == f"sqlite:///{tmp_path}/larder.db"
    assert read_settings().backup_target == f"file:///{tmp_path}/copies"
    (tmp_path / "port").write_text("8080\n")
    environment["LARDER_PORT_FILE"] = "~/port"
    assert read_settings().port == 8080
    paths = [item.name for item in dataclasses.fields(Settings) if item.metadata["parser"] == "path"]
    (tmp_path / "mails").mkdir()
    for name in paths:
        environment[f"LARDER_{name.upper()}"] = "~/mails"
        assert getattr(read_settings(), name) == tmp_path / "mails"


def test_an_env_file_that_cannot_be_read_is_named(environment, tmp_path):
    (tmp_path / ".env").write_bytes(b"LARDER_HOST=caf\xe9\n")
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        read_settings()


def test_values_are_read_with_their_type(environment):
    environment |= {"LARDER_PORT": " 8080 ", "LARDER_REUSE_PORT": "yes", "LARDER_DATA_DIR": "/srv"}
    settings = read_settings()
    assert (settings.port, settings.reuse_port, settings.data_dir) == (8080, True, Path("/srv"))


@pytest.mark.parametrize(("name", "value", "expected"), WRONG_VALUES)
def test_a_wrong_value_is_named_with_what_was_expected(environment, name, value, expected):
    environment[name] = value
    with pytest.raises(SettingsError) as error:
        read_settings()
    assert name in str(error.value)
    assert expected in str(error.value)


@pytest.mark.parametrize(
    "places",
    [
        {"BACKUP_TARGET": "s3://bucket/larder/", "FILES": "s3://bucket/larder/file-copies"},
        {"BACKUP_TARGET": "file:///mnt/disk", "FILES": "file:///mnt/disk/here/../file-copies/"},
        {"BACKUP_DIR": "/mnt/disk", "FILES": "file:///mnt/disk/file-copies"},
    ],
)
def test_files_are_not_stored_where_backups_keep_copies(environment, places):
    environment.update({f"LARDER_{name}": value for name, value in places.items()})
    with pytest.raises(SettingsError, match="LARDER_FILES: Expected another place"):
        read_settings()


def test_everything_wrong_is_named_at_once(environment):
    environment |= {"LARDER_PORT": "x", "LARDER_THREADS": "0", "LARDER_LOG_FORMAT": "xml"}
    with pytest.raises(SettingsError) as error:
        read_settings()
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [
        *("LARDER_PORT", "LARDER_THREADS", "LARDER_LOG_FORMAT")
    ]


def test_a_value_may_be_read_from_a_file(environment, tmp_path):
    (tmp_path / "key").write_text("k" * 40 + "\n")
    environment["LARDER_SECRET_KEY_FILE"] = str(tmp_path / "key")
    assert read_settings().secret_key == "k" * 40


def test_a_file_may_hold_several_keys_line_by_line(environment, tmp_path):
    keys = ["new" * 11, "old" * 11]
    for line_end in ("\n", "\r\n"):
        (tmp_path / "secret_key").write_text(line_end.join([*keys, ""]), newline="")
        assert load_secret_keys(Settings(data_dir=tmp_path)) == keys
        environment["LARDER_SECRET_KEY_FILE"] = str(tmp_path / "secret_key")
        assert load_secret_keys(read_settings()) == keys


def test_whatever_the_host_there_is_a_public_address():
    addresses = [(Settings(host=host).public_url, Settings(host=host).is_local) for host in ("::1", "0.0.0.0", "")]
    assert addresses == [("http://[::1]:8000", True), ("http://0.0.0.0:8000", False), ("http://0.0.0.0:8000", False)]


def test_a_wrong_value_in_a_file_is_named_too(environment, tmp_path):
    (tmp_path / "key").write_text("short\n")
    environment["LARDER_SECRET_KEY_FILE"] = str(tmp_path / "key")
    with pytest.raises(SettingsError, match="LARDER_SECRET_KEY.*at least 32 bytes"):
        read_settings()


def test_reads_env_files_below_the_environment(environment, tmp_path):
    (tmp_path / ".env").write_text("# a comment\nLARDER_PORT=9000\nLARDER_HOST='0.0.0.0'\n")
    environment["LARDER_HOST"] = "::1"
    settings = read_settings()
    assert (settings.port, settings.host) == (9000, "::1")


def test_finds_unknown_variables(environment, tmp_path):
    (tmp_path / ".env").write_text("LARDER_PROT=9000\n")
    environment |= {"LARDER_SECRET_KEY": "k" * 40, "LARDER_PORT_FILE": "", "LARDER_DATABASE": "x", "LARDER_TEST_X": "1"}
    environment["LARDER_ZEBRA"] = "1"
    read_settings()
    assert unknown_variables() == {
        "LARDER_DATABASE": "Did you mean LARDER_DATABASE_URL?",
        "LARDER_PROT": "Did you mean LARDER_PORT?",
        "LARDER_ZEBRA": "Delete it.",
    }


def test_warns_of_unknown_variables_at_start(environment, tmp_path, capfd):
    environment["LARDER_DATABASE"] = "x"
    create_app(Settings(data_dir=tmp_path))
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(line["level"], line["event"], line["variable"], line["advice"]) for line in lines] == [
        ("warning", "unknown setting", "LARDER_DATABASE", "Did you mean LARDER_DATABASE_URL?")
    ]


def test_a_wrong_setting_stops_the_start_without_a_traceback(environment):
    environment["LARDER_PORT"] = "eighty"
    start = subprocess.run([sys.executable, ROOT / "wsgi.py"], capture_output=True, text=True)
    assert start.returncode == 1
    assert "LARDER_PORT" in start.stderr
    assert "Traceback" not in start.stderr


def test_the_secret_key_is_created_once_and_readable_by_its_owner_only(tmp_path):
    settings = Settings(data_dir=tmp_path / "new" / "folder")
    (key,) = load_secret_keys(settings)
    assert len(key) >= 32
    assert load_secret_keys(settings) == [key]
    assert [path.name for path in settings.data_dir.iterdir()] == ["secret_key"]
    assert stat.S_IMODE((settings.data_dir / "secret_key").stat().st_mode) == 0o600


def test_two_installations_have_two_keys(tmp_path):
    one, other = (load_secret_keys(Settings(data_dir=tmp_path / name)) for name in ("a", "b"))
    assert one != other


def test_a_key_from_the_settings_is_not_stored(tmp_path):
    assert load_secret_keys(Settings(data_dir=tmp_path, secret_key="k" * 40)) == ["k" * 40]
    assert list(tmp_path.iterdir()) == []


def test_a_stored_key_that_is_too_short_stops_the_start(tmp_path):
    (tmp_path / "secret_key").write_text("\n")
    with pytest.raises(SettingsError, match="secret_key: Expected at least 32 bytes"):
        load_secret_keys(Settings(data_dir=tmp_path))


def test_parallel_first_starts_get_one_key(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom backend.config.secret_key import load_secret_keys\n"
        "from backend.config.settings import Settings\nprint('ready', flush=True)\nsys.stdin.read()\n"
        "print(load_secret_keys(Settings(data_dir=Path(sys.argv[1]))))"
    )
    options = {"cwd": ROOT, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    starts = [subprocess.Popen([sys.executable, "-c", code, tmp_path / "data"], **options) for _ in range(4)]
    assert [start.stdout.readline() for start in starts] == ["ready\n"] * 4
    for start in starts:
        start.stdin.close()
    keys = []
    for start in starts:
        with start:
            keys.append(start.stdout.read())
    assert keys == [keys[0]] * 4
    assert len(keys[0].strip()) >= 32
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret_key"]


def documented(item):
    """Return the default of a setting as the documents write it; "" stands for none."""
    default = "" if item.default is None else str(item.default)
    return default.lower() if isinstance(item.default, bool) else default


def readable(name, value):
    """Return the number of a setting in its largest whole unit, such as " (1 GiB)"; "" without such a unit."""
    units = {
        "bytes": {"GiB": 1 << 30, "GB": 10**9, "MiB": 1 << 20, "MB": 10**6},
        "seconds": {"days": 86400, "hours": 3600, "minutes": 60},
    }
    for unit, size in units.get(name.rpartition("_")[2], {}).items():
        if value >= size and value % size == 0:
            return f" ({value // size} {unit})" if value > size else f" (1 {unit.removesuffix('s')})"
    return ""


def readme_cells(item):
    """Return (default, meaning) of a setting as the table of the README writes them."""
    meaning, _, words = item.metadata["help"].partition("; by default ")
    default = f"`{documented(item)}`{readable(item.name, item.default)}" if documented(item) else words or "none"
    return default, meaning


def groups(path, heading, entry):
    """Return [(group, names of its settings)] of a document, in its order."""
    found = re.findall(rf"^{heading} (.*)$|^{entry}", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    grouped = []
    for group, name in found:
        if group:
            grouped.append((group, []))
        elif name:
            grouped[-1][1].append(name)
    return [group for group in grouped if group[1]]


def test_the_example_lists_every_setting_with_its_default():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    listed = re.findall(r"^# (LARDER_\w+)=(.*)$", text, re.MULTILINE)
    assert listed == [(name, documented(item)) for name, item in zip(NAMES, dataclasses.fields(Settings), strict=True)]


def test_the_example_explains_every_setting():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    blocks = re.findall(r"^((?:# .*\n)+)# (LARDER_\w+)=", text, re.MULTILINE)
    explained = {name: " ".join(line.removeprefix("# ") for line in help.splitlines()) for help, name in blocks}
    fields = zip(NAMES, dataclasses.fields(Settings), strict=True)
    assert explained == {name: item.metadata["help"] for name, item in fields}


def test_the_defaults_of_the_example_are_valid_values(environment, tmp_path):
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    given = re.sub(r"^# (LARDER_\w+=.+)$", r"\1", text, flags=re.MULTILINE)
    (tmp_path / ".env").write_text(given, encoding="utf-8")
    assert read_settings() == Settings()


def test_the_readme_lists_exactly_the_settings_of_the_code():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(LARDER_\w+)` \| (.*?) \| (.*) \|$", text, re.MULTILINE)
    fields = zip(NAMES, dataclasses.fields(Settings), strict=True)
    assert rows == [(name, *readme_cells(item)) for name, item in fields]


def test_the_readme_and_the_example_have_the_same_groups():
    in_readme = groups("README.md", "###", r"\| `(LARDER_\w+)` \|")
    assert in_readme == groups(".env.example", "##", r"# (LARDER_\w+)=")
    assert len(in_readme) > 5


def test_every_choice_is_explained():
    fields = [item for item in dataclasses.fields(Settings) if item.metadata["one_of"]]
    assert [
        (item.name, each)
        for item in fields
        for each in item.metadata["one_of"]
        if f"`{each}`" not in item.metadata["help"]
    ] == []
    assert len(fields) == 5
