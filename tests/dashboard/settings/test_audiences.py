"""/w/<workspace>/settings/audiences/: which APIs tokens are for. Removing one says what breaks."""

from urllib.parse import quote

import pytest

from clients.models import Client
from tests import factories
from tests.dashboard.conftest import text_of
from tests.dashboard.settings.conftest import SETTINGS, changes

AUDIENCES = SETTINGS + "audiences/"
API = "https://api.example.com/v1?x=1+y%26=2"
REMOVE = f"{AUDIENCES}remove/?uri={quote(API, safe='')}"


@pytest.fixture
def clients(demo):
    factories.create_client(demo, name="both", audiences=[API, "https://other.example.com"])
    factories.create_client(demo, name="only", audiences=[API])
    factories.create_client(demo, name="none")


def test_page_shows_each_audience_with_its_clients(bens, clients):
    page = bens.get(AUDIENCES)
    assert f"{API} 2" in text_of(page)
    assert "https://other.example.com 1" in text_of(page)
    assert "https://localhost:8443/w/demo The workspace’s own, for clients without another one 1" in text_of(page)
    assert b"remove/" not in page.content


def test_removal_first_says_what_breaks(adas, clients):
    page = adas.get(AUDIENCES)
    assert REMOVE.replace("&", "&amp;") in page.content.decode()
    said = text_of(adas.get(REMOVE))
    for words in ("2 clients lose it at once", "invalid_target", "1 of them has no other audience", "https://localhost:8443/w/demo", "both", "only"):
        assert words in said
    assert Client.objects.get(name="only").audiences == [API]


def test_removal_takes_it_from_every_client_each_with_its_event(adas, other, clients):
    others = factories.create_client(other, name="others").secret.client
    Client.objects.filter(pk=others.pk).update(audiences=[API])
    page = adas.post(REMOVE, follow=True)
    assert f"Audience {API} removed. 2 clients lost it." in text_of(page)
    assert dict(Client.objects.values_list("name", "audiences")) == {"both": ["https://other.example.com"], "only": [], "none": [], "others": [API]}
    assert changes("client.changed") == [
        ({"audiences": [API, "https://other.example.com"]}, {"audiences": ["https://other.example.com"]}),
        ({"audiences": [API]}, {"audiences": []}),
    ]
    assert changes("audience.removed") == [({"clients": 2}, {})]
    assert adas.post(REMOVE).status_code == 404


@pytest.mark.parametrize("uri", ["", "https://nobody.example.com", "x" * 4000, "a\0b", "https://localhost:8443/w/demo", "\u202e", "%' OR 1=1 --"])
def test_audience_that_no_client_has_is_not_found(adas, clients, uri):
    for act in (adas.get, adas.post):
        assert act(f"{AUDIENCES}remove/?uri={quote(uri, safe='')}").status_code == 404
    assert adas.get(f"{AUDIENCES}remove/").status_code == 404


def test_viewer_removes_nothing(bens, clients):
    assert bens.get(REMOVE).status_code == 403
    assert bens.post(REMOVE).status_code == 403
    assert Client.objects.get(name="only").audiences == [API]


def test_many_audiences_have_pages(adas, demo):
    factories.create_client(demo, audiences=[f"https://{number:02}.example.com" for number in range(50)])
    factories.create_client(demo, audiences=["https://99.example.com"])
    assert "1 to 50 of 51" in text_of(adas.get(AUDIENCES))
    assert "https://99.example.com" in text_of(adas.get(AUDIENCES, {"page": "2"}))
