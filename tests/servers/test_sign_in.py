"""A flood of passwords at the sign-in page, each of which costs argon2 100 MB, stays a nuisance."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from tests.servers.conftest import Server


def read_peaks(server: Server) -> list[int]:
    """The most memory that each worker ever had, in MB."""
    assert server.process is not None
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return [int(re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) // 1024 for pid in children]


def test_many_sign_ins_at_once_take_the_memory_of_one(make_server: Callable[..., Server]) -> None:
    server = make_server(WEB_CONCURRENCY="1")

    def sign_in(number: int) -> int:
        with requests.Session() as browser:
            page = browser.get(f"{server.url}/accounts/sign-in/", verify=str(server.ca), timeout=60)
            token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[0]
            form = {"csrfmiddlewaretoken": token, "login": f"nobody-{number}@example.com", "password": "wrong"}
            headers = {"Referer": server.url}
            return browser.post(f"{server.url}/accounts/sign-in/", data=form, headers=headers, verify=str(server.ca), timeout=60).status_code

    with ThreadPoolExecutor(24) as threads:
        statuses = list(threads.map(sign_in, range(48)))
    assert statuses.count(200) >= 1  # the form again: a wrong password
    assert set(statuses) <= {200, 503}
    assert max(read_peaks(server)) < 300
    assert "Traceback" not in server.log.read_text()
    server.stop()
