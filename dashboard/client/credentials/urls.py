"""Secrets, public keys and certificates of a client."""

from django.urls import path, register_converter

from dashboard.client.credentials.url_converters import KidConverter
from dashboard.client.credentials.views import certificates, public_keys, revocation, rotation, secrets

register_converter(KidConverter, "kid")

urlpatterns = [
    path("clients/<str:client_id>/rotate/", rotation.rotate, name="rotate"),
    path("clients/<str:client_id>/secrets/new/", secrets.secret_new, name="secret_new"),
    path("clients/<str:client_id>/secrets/<str:secret_id>/extend/", secrets.secret_extend, name="secret_extend"),
    path("clients/<str:client_id>/secrets/<str:secret_id>/end/", secrets.secret_end, name="secret_end"),
    path("clients/<str:client_id>/secrets/<str:secret_id>/revoke/", revocation.secret_revoke, name="secret_revoke"),
    path("clients/<str:client_id>/keys/new/", public_keys.key_new, name="key_new"),
    path("clients/<str:client_id>/keys/<kid:kid>/revoke/", revocation.key_revoke, name="key_revoke"),
    path("clients/<str:client_id>/certificates/new/", certificates.certificate_new, name="certificate_new"),
    path("clients/<str:client_id>/certificates/<str:thumbprint>/revoke/", revocation.certificate_revoke, name="certificate_revoke"),
]
