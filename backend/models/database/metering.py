"""A database whose statements are timed."""

import time

import structlog

from backend.utils.meter import meter

log = structlog.get_logger()


class Metered:
    """A database whose statements are timed, and told of when they are slow: as SQL, which holds no values."""

    slow_seconds = 1.0

    def execute_sql(self, sql, params=None):
        """Execute a statement and return its cursor."""
        began = time.perf_counter()
        try:
            return super().execute_sql(sql, params)
        finally:
            self._count(sql, time.perf_counter() - began)

    def fetch_all(self, sql, params):
        """Execute a query and return all its rows, which SQLite finds only when they are asked for."""
        began = time.perf_counter()
        try:
            return super().execute_sql(sql, params).fetchall()
        finally:
            self._count(sql, time.perf_counter() - began)

    def _count(self, sql, seconds):
        meter.seconds += seconds
        meter.statements += 1
        if seconds >= self.slow_seconds:
            log.warning("slow query", request_id=meter.request_id, duration_ms=round(seconds * 1000), sql=sql)
