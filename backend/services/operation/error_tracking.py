"""Unexpected errors, reported in Sentry's protocol to the address of LARDER_SENTRY_DSN."""

from types import ModuleType

from backend.config.settings import Settings
from backend.utils.version import VERSION


class ErrorTracking:
    """Reports errors, once it is open and the settings name an address."""

    def __init__(self) -> None:
        self._client: ModuleType | None = None

    def open(self, settings: Settings) -> None:
        """Report to the address of the settings from now on; without one, report nothing."""
        self._client = None
        if settings.sentry_dsn:
            import sentry_sdk  # takes a fifth of a second, which most installations need not spend

            # No integration: they would send arguments, headers and the values of variables, with secrets in them.
            self._client = sentry_sdk
            sentry_sdk.init(
                settings.sentry_dsn,
                release=f"larder@{VERSION}",
                default_integrations=False,
                include_local_variables=False,
                max_request_body_size="never",
            )

    def report(self, error: BaseException, **tags: str) -> None:
        """Send an exception with its traceback, in the background, and tags such as `request_id` to find it by."""
        if self._client is not None:
            with self._client.new_scope() as scope:
                scope.set_tags(tags)
                scope.capture_exception(error)


error_tracking = ErrorTracking()
