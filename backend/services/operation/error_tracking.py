"""Unexpected errors, reported in Sentry's protocol to the address of LARDER_SENTRY_DSN."""

from types import ModuleType

from backend.config.settings import Settings
from backend.utils.version import VERSION


class ErrorTracking:
    """Reports errors after `open`, if the settings have an address for them."""

    def __init__(self) -> None:
        self._client: ModuleType | None = None

    def open(self, settings: Settings) -> None:
        """Report to the address in the settings from now on, or nowhere if there is none."""
        self._client = None
        if settings.sentry_dsn:
            import sentry_sdk  # the import takes a fifth of a second, and most installations do not need it

            # No integrations: they would send arguments, headers and values of variables, which contain secrets.
            self._client = sentry_sdk
            sentry_sdk.init(
                settings.sentry_dsn,
                release=f"larder@{VERSION}",
                default_integrations=False,
                include_local_variables=False,
                max_request_body_size="never",
            )

    def report(self, error: BaseException, **tags: str) -> None:
        """Send an exception with its traceback, in the background, with tags such as `request_id`."""
        if self._client is not None:
            with self._client.new_scope() as scope:
                scope.set_tags(tags)
                scope.capture_exception(error)


error_tracking = ErrorTracking()
