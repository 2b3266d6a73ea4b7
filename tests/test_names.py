"""The tests of a file's refusals are found by its name: those of X.py are in test_X.py, or in files that begin so (docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
# What a form or a page refuses is tested under the name of the page.
OF_A_PAGE = {"forms", "views", "fields", "request_forms"}
# These refuse within the subject of another test.
ELSEWHERE = {
    "clients/management/base.py": "commands/test_every_command.py",
    "clients/management/commands/extend_secret.py": "commands/test_secret_ends.py",
    "clients/services/benchmark.py": "commands/test_seed_benchmark.py",
    "clients/services/locking.py": "clients/test_client_changes.py",
    "oauth/jose.py": "oauth/test_client_assertion.py",
    "oauth/services.py": "oauth/test_signing_keys.py",
    "dashboard/admin/accounts.py": "dashboard/test_admin_accounts.py",
    "dashboard/explain/sent_requests/curl.py": "dashboard/client/test_credential_test.py",
    "dashboard/explain/sent_requests/reading.py": "dashboard/client/test_credential_test.py",
    "dashboard/frame/middleware.py": "dashboard/test_error_pages.py",
    "dashboard/instance/cache.py": "dashboard/test_endless_replies.py",
    "dashboard/instance/mail/smtp.py": "dashboard/test_endless_replies.py",
    "dashboard/instance/server_certificate.py": "servers/test_bootstrap.py",
    "dashboard/management/accounts.py": "commands/test_account_status.py",
    "dashboard/people/accounts.py": "dashboard/accounts/test_account.py",
    "dashboard/people/password_rules.py": "dashboard/accounts/test_reset.py",
    "dashboard/people/sso/identity.py": "dashboard/sso/test_admission.py",
    "dashboard/server/listening.py": "servers/test_start_and_reload.py",
    "dashboard/workspaces/first_start.py": "commands/test_prepare.py",
}
# Errors for the program itself, which nobody reads.
OF_PYTHON = {"ValueError", "NotImplementedError", "OperationalError", "TransactionManagementError", "SSLError"}


def _refuses(file: Path) -> bool:
    """Whether it raises an error with words of its own."""
    text = file.read_text()
    # Most files raise nothing, and needn't be parsed.
    raised = [node.exc for node in ast.walk(ast.parse(text if "raise " in text else "")) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    names = {ast.unparse(error.func).rpartition(".")[2] for error in raised if error.args or error.keywords}
    return any(name.endswith(("Error", "ImproperlyConfigured")) for name in names - OF_PYTHON)


@pytest.mark.long
def test_what_a_file_refuses_has_a_test_of_its_name():
    for file in (file for app in ("clients", "oauth", "dashboard") for file in (ROOT / app).rglob("*.py") if "migrations" not in file.parts):
        if {file.stem, *file.relative_to(ROOT).parts} & OF_A_PAGE or not _refuses(file):
            continue
        named = [*TESTS.rglob(f"test_{file.stem}.py"), *TESTS.rglob(f"test_{file.stem}_*.py")]
        name = str(file.relative_to(ROOT))
        assert named or name in ELSEWHERE, f"There is no test_{file.stem}.py."
        assert named or (TESTS / ELSEWHERE[name]).exists(), name


def test_no_exception_is_left_over():
    assert all((ROOT / file).exists() and not list(TESTS.rglob(f"test_{Path(file).stem}.py")) for file in ELSEWHERE)
