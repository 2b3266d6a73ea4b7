"""GET /metrics, and the counting behind it."""

import os
import re
import time
from ipaddress import ip_network

import pytest
from django.test import Client

from oauth.metrics import PLACES, observe, take_place


def test_it_shows_requests_by_endpoint_status_and_error(browser):
    observe("test-endpoint", 401, "invalid_client", 0.002)
    observe("test-endpoint", 401, "invalid_client", 0.2)
    text = browser.get("/metrics").content.decode()
    assert 'tokenos_requests_total{endpoint="test-endpoint",error="invalid_client",status="401"} 2.0' in text
    assert 'tokenos_request_seconds_bucket{endpoint="test-endpoint",le="0.0025"} 1.0' in text
    assert 'tokenos_request_seconds_count{endpoint="test-endpoint"} 2.0' in text


def test_it_is_prometheus_text(browser):
    response = browser.get("/metrics")
    assert response["Content-Type"].startswith("text/plain; version=")
    assert response["Cache-Control"] == "no-store"


def test_prometheus_may_come_by_address_and_in_clear_text():
    assert Client(headers={"host": "10.1.2.3:8443"}).get("/metrics").status_code == 200


def test_it_can_only_be_read(browser):
    assert browser.post("/metrics").status_code == 405


@pytest.mark.parametrize("method", ["get", "post", "delete"])
@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::1", ""])
def test_to_strangers_it_is_like_a_path_that_does_not_exist(address, method):
    stranger = Client(REMOTE_ADDR=address, enforce_csrf_checks=True)
    answers = [getattr(stranger, method)(path, secure=True) for path in ("/metrics", "/there-is-nothing-here")]
    assert [answer.status_code for answer in answers] == [404, 404]
    pages = [answer.content.replace(answer["X-Request-Id"].encode(), b"") for answer in answers]
    assert pages[0] == pages[1]
    headers = [{name: value for name, value in answer.items() if name != "X-Request-Id"} for answer in answers]
    assert headers[0] == headers[1]


def test_metrics_allowed_says_who_may_read_it(settings):
    settings.METRICS_ALLOWED = [ip_network("203.0.113.0/24")]
    assert Client(REMOTE_ADDR="203.0.113.9").get("/metrics", secure=True).status_code == 200
    assert Client(REMOTE_ADDR="127.0.0.1").get("/metrics", secure=True).status_code == 404


def test_all_processes_that_were_forked_count_together(browser):
    before = total(browser)
    for place in (1, 2):
        pid = os.fork()
        if pid == 0:
            take_place(place)
            observe("test-fork", 200, "", 0.003)
            os._exit(0)
        assert os.waitpid(pid, 0) == (pid, 0)
    assert total(browser) == before + 2


def test_a_process_without_a_place_counts_for_nobody_else(browser):
    before = total(browser)
    take_place(PLACES)
    observe("test-fork", 200, "", 0.003)
    take_place(0)
    assert total(browser) == before


def total(browser):
    text = browser.get("/metrics").content.decode()
    return sum(float(found) for found in re.findall(r'^tokenos_requests_total{endpoint="test-fork".*} (\S+)$', text, re.MULTILINE))


def test_a_failed_count_breaks_no_response_and_is_logged_once(browser, caplog):
    for _ in range(2):
        observe("test-" + "x" * 100, 200, "", 0.003)
    assert [record.getMessage()[:27] for record in caplog.records] == ["Not counted for Prometheus:"]
    assert browser.get("/metrics").status_code == 200


def test_counting_costs_next_to_nothing():
    observe("test-endpoint", 200, "", 0.0003)
    began = time.process_time()
    for _ in range(10_000):
        observe("test-endpoint", 200, "", 0.0003)
    # 1 µs here, 3 µs where several processes count together; the rest is for slow machines and coverage.
    assert (time.process_time() - began) / 10_000 < 30e-6
