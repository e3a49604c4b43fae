"""Unexpected errors, reported in Sentry's protocol to whoever LARDER_SENTRY_DSN names."""

from backend.utils.version import VERSION

_client = None


def open_error_tracking(settings):
    """Report to the address of the settings from now on; without one to nobody."""
    global _client
    _client = None
    if settings.sentry_dsn:
        import sentry_sdk  # takes a fifth of a second, which most installations need not spend

        # No integration: they would send arguments, headers and the values of variables along, with secrets in them.
        _client = sentry_sdk
        sentry_sdk.init(
            settings.sentry_dsn,
            release=f"larder@{VERSION}",
            default_integrations=False,
            include_local_variables=False,
            max_request_body_size="never",
        )


def report(error, **tags):
    """Send an exception with its traceback, in the background, and tags such as `request_id` to find it by."""
    if _client is not None:
        with _client.new_scope() as scope:
            scope.set_tags(tags)
            scope.capture_exception(error)
