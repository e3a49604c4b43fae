"""Values that follow from several settings."""

from urllib.parse import urlsplit

from backend.utils.addresses import is_loopback


class Derived:
    """The base class of Settings."""

    host: str
    port: int
    public_url: str
    app_name: str | None
    app_url: str | None
    mail_from: str | None

    @property
    def own_url(self) -> str:
        """The URL of the address that the server listens on."""
        host = self.host or "0.0.0.0"  # "" listens on all addresses
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def app_title(self) -> str:
        """What mails and account pages call the app."""
        return self.app_name or urlsplit(self.app_url or self.public_url).netloc

    @property
    def mail_sender(self) -> str:
        """The sender address of mails."""
        return self.mail_from or f"noreply@{urlsplit(self.public_url).hostname}"

    @property
    def public_path(self) -> str:
        """The path of the public URL without a slash at its end, usually "". A proxy removes it from each request."""
        return urlsplit(self.public_url).path.rstrip("/")

    @property
    def is_local(self) -> bool:
        """Whether the public URL is a loopback address, as on a developer's machine."""
        return is_loopback(urlsplit(self.public_url).hostname or "")

    @property
    def allows_local_origins(self) -> bool:
        """Whether pages of this machine, at any port, may call the API: only where nobody else can reach the server."""
        return self.is_local and self.public_url == self.own_url
