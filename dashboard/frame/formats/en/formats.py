"""As in our sentences, and to the second: whoever compares a page with a log needs both."""

DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y H:i:s T"
DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i:s"
