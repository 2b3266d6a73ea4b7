"""Every part of the pages in every state, for who changes them. To see it: DJANGO_SETTINGS_MODULE=tests.style_guide.settings make run, then /styleguide/."""
