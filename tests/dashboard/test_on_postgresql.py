"""Every page is opened and every form sent on PostgreSQL, to find what only SQLite accepts, such as an expression of mixed types."""


def test_every_page_and_form_of_the_dashboard_works_on_postgresql(run_on_postgresql):
    answers = run_on_postgresql("tests.dashboard.crawl", timeout=600)
    assert answers["faults"] == []
    assert answers["pages"] > 100
    assert answers["forms"] > 40


def test_a_session_that_gets_another_key_at_the_moment_of_its_end_ends(run_on_postgresql):
    """Both must lock its two rows in the same order, or the database would abort one of them."""
    assert run_on_postgresql("tests.dashboard.accounts.key_on_postgresql") == ["done", "done", 0]
