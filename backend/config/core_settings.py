"""The first half of the settings table: the server, the database, accounts."""

from dataclasses import dataclass
from pathlib import Path

from backend.config import checks
from backend.config.checks import setting
from backend.config.derived import Derived


@dataclass(frozen=True, kw_only=True)
class CoreSettings(Derived):
    """The settings of the server, the database and accounts; Settings adds the others."""

    # The server
    data_dir: Path = setting(
        "path", Path("data"), "Folder of the database file and the secret key; created if it is missing"
    )
    secret_key: str | None = setting(
        "str",
        None,
        "Key that signs tokens and cursors, at least 32 bytes. To rotate it, set several keys separated by commas: "
        "the first one signs, all of them verify; by default generated once and kept in the data folder",
        check=checks.secret_keys,
    )
    host: str = setting("str", "127.0.0.1", "Address to listen on")
    port: int = setting("int", 8000, "Port to listen on", at_least=1, at_most=65535)
    reuse_port: bool = setting("bool", False, "Let several processes listen on the same port (SO_REUSEPORT)")
    threads: int = setting("int", 8, "Number of requests that one process handles at the same time", at_least=1)
    streams: int = setting(
        "int",
        0,
        "Number of streams of changes that this process serves at the same time, besides its other requests; 0: none",
        at_least=0,
        at_most=2000,
    )
    jobs: str = setting(
        "str",
        "inline",
        "Where background jobs such as mail run. `inline`: in the server process; `off`: not in the server, so run "
        "`flask jobs run` as well",
        one_of=["inline", "off"],
    )
    public_url: str = setting(
        "str",
        None,
        "URL under which clients reach this server, such as `https://larder.example.com`. If it has a path, such as "
        "`https://example.com/larder`, the proxy in front must remove the path from each request; by default "
        "`http://HOST:PORT`",
        check=checks.public_url,
    )
    trusted_proxies: str | None = setting(
        "str",
        None,
        "Proxies whose `X-Forwarded-For` is trusted: addresses and networks, separated by commas",
        check=checks.networks,
    )
    cors_origins: str | None = setting(
        "str",
        None,
        "Origins whose scripts may call the API with tokens or cookies, separated by commas, such as "
        "`https://app.example.com`; `*` allows all, with tokens only",
        check=checks.origins,
    )
    public_docs: bool = setting(
        "bool",
        True,
        "`true`: anyone can read `/openapi.json` and `/docs`; without a sign-in they show only public resources. "
        "`false`: both require a sign-in",
    )

    admin: bool = setting("bool", True, "`true`: the admin page at `/admin/`; `false` or `off`: no such page")

    # Database
    database_url: str = setting(
        "str",
        None,
        "`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`; by default `larder.db` in the data folder",
        check=checks.database_url,
    )
    upgrade_at_start: bool = setting(
        "bool", True, "Migrate the database when the server starts (`make run` or systemd, not `flask run`)"
    )
    database_timeout_seconds: int = setting(
        "int",
        5,
        "Total time in seconds that one request may wait for locks and connections; after it, the request fails with "
        "a 503",
        at_least=1,
    )
    query_timeout_seconds: int = setting(
        "int",
        5,
        "Total time in seconds that the SQL statements of one request may run; after it, they are stopped and the "
        "request fails with a 503",
        at_least=1,
    )
    sqlite_synchronous: str = setting(
        "str",
        "full",
        "`full`: committed writes survive a power failure; `normal`: faster, but a power failure may lose the last "
        "writes",
        one_of=["full", "normal"],
    )
    sqlite_memory_bytes: int = setting(
        "int",
        1_073_741_824,
        "Memory that SQLite may use per server process; a request that needs more fails with a 503",
        at_least=67_108_864,
    )

    # Accounts and passwords
    admin_email: str | None = setting(
        "str",
        None,
        "E-mail address of the first admin, created when the server starts, if there is no admin; by default "
        "`admin@example.com`",
        check=checks.email,
    )
    admin_password: str | None = setting(
        "str", None, "Password of the first admin; by default generated and printed once"
    )
    registration: str = setting(
        "str",
        "open",
        "Who can get an account. `open`: anyone; `invitation`: people who were invited; `closed`: people whose "
        "account an admin created",
        one_of=["open", "invitation", "closed"],
    )
    access_token_seconds: int = setting("int", 900, "Lifetime of an access token", at_least=1)
    refresh_token_seconds: int = setting(
        "int",
        2_592_000,
        "Lifetime of a refresh token. A session ends if it is not refreshed within this time",
        at_least=1,
    )
    password_strength: int = setting(
        "int",
        3,
        "Minimum zxcvbn score for passwords (1 to 4); 0 accepts any",
        at_least=0,
        at_most=4,
    )
    password_hashes_at_once: int | None = setting(
        "int",
        None,
        "Maximum number of passwords that one process hashes at the same time; by default half the number of cores",
        at_least=1,
    )
    argon2_time_cost: int = setting("int", 2, "Argon2id: number of passes over the memory", at_least=1)
    argon2_memory_kib: int = setting("int", 19456, "Argon2id: memory for one hash, in KiB", at_least=8)
    argon2_parallelism: int = setting("int", 1, "Argon2id: degree of parallelism", at_least=1)
