"""What SQLite takes and PostgreSQL doesn't, such as an expression of mixed types, shows nowhere else: every page is opened there, and every form sent."""


def test_every_page_and_form_of_the_dashboard_works_on_postgresql(run_on_postgresql):
    answers = run_on_postgresql("tests.dashboard.crawl", timeout=600)
    assert answers["faults"] == []
    assert answers["pages"] > 100
    assert answers["forms"] > 40
