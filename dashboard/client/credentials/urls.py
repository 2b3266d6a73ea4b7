"""Secrets, public keys and certificates of a client."""

from django.urls import path, register_converter

from clients.models import ClientCertificate, ClientPublicKey, ClientSecret
from dashboard.client.credentials.forms.added import CertificatesForm, PublicKeysForm
from dashboard.client.credentials.url_converters import KidConverter
from dashboard.client.credentials.views import added, ended, rotation, secrets

register_converter(KidConverter, "kid")

_CLIENT = "clients/<str:client_id>"

urlpatterns = [
    path(f"{_CLIENT}/rotate/", rotation.rotate, name="rotate"),
    path(f"{_CLIENT}/secrets/new/", secrets.secret_new, name="secret_new"),
    path(f"{_CLIENT}/secrets/<str:secret_id>/extend/", secrets.secret_extend, name="secret_extend"),
    path(f"{_CLIENT}/secrets/<str:secret_id>/end/", ended.secret_end, name="secret_end"),
    path(f"{_CLIENT}/secrets/<str:secret_id>/revoke/", ended.credential_revoke, {"kind": ClientSecret}, name="secret_revoke"),
    path(f"{_CLIENT}/keys/new/", added.credential_new, {"make_form": PublicKeysForm}, name="key_new"),
    path(f"{_CLIENT}/keys/<kid:kid>/revoke/", ended.credential_revoke, {"kind": ClientPublicKey}, name="key_revoke"),
    path(f"{_CLIENT}/certificates/new/", added.credential_new, {"make_form": CertificatesForm}, name="certificate_new"),
    path(f"{_CLIENT}/certificates/<str:thumbprint>/revoke/", ended.credential_revoke, {"kind": ClientCertificate}, name="certificate_revoke"),
]
