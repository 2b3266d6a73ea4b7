from django.urls import path

from dashboard import urls
from dashboard.urls import handler400, handler403, handler404, handler500
from tests.style_guide.views import style_guide

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [path("styleguide/", style_guide), *urls.urlpatterns]
