"""Every part of the pages in every state. To see it: DJANGO_SETTINGS_MODULE=tests.style_guide.settings make run, then /styleguide/."""
