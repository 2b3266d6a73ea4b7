"""The formats are as in our sentences, and have seconds, for comparing a page with a log."""

DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y H:i:s T"
DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i:s"
