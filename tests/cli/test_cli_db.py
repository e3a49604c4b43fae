"""`flask db`."""


def test_upgrade_of_a_database_that_is_up_to_date_says_so(run):
    assert run("db", "upgrade") == (0, "The database is up to date.\n")


def test_status_lists_the_migrations(run):
    code, output = run("db", "status")
    assert code == 0
    assert "0001_initial" in output
    assert "not yet" not in output
