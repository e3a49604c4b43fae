"""Plans of statements on SQLite: planned once, unless their plans depend on values."""

from backend.models.database.pool import PooledConnection
from backend.models.database.sqlite_connections import SqliteConnections

STABLE_PLANS = 1007  # SQLITE_DBCONFIG_ENABLE_QPSG
# What makes plans depend on values: the statistics that ANALYZE gathers, and indexes of the rows that meet a rule.
DEPEND_ON_VALUES = """SELECT 1 FROM sqlite_master
WHERE name = 'sqlite_stat4' OR type = 'index' AND sql LIKE '%) WHERE %'"""


class SqlitePlans(SqliteConnections):
    """Connections that do not plan a statement anew at each run, if that cannot change its plan.

    Planning a list takes as long as running it (decisions/057).
    """

    def _prepare(self, pooled: PooledConnection) -> None:
        super()._prepare(pooled)
        depend_on_values = pooled.connection.execute(DEPEND_ON_VALUES).fetchall()
        pooled.connection.db_config(STABLE_PLANS, not depend_on_values)

    def adopt_definitions(self) -> None:
        """Open the connections anew, because plans may depend on values now, or no longer."""
        self.renew_connections()

    def gather_statistics(self) -> None:
        """Gather the statistics by which statements are planned."""
        self.execute_sql("ANALYZE")
        # Otherwise the planner may skip through an index with another column first: that reads many ranges of it.
        self.execute_sql("UPDATE sqlite_stat1 SET stat = stat || ' noskipscan' WHERE idx IS NOT NULL")
        self.execute_sql("ANALYZE sqlite_schema")  # reads the statistics again
