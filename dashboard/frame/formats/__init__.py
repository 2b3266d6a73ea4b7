"""The formats of times and dates on pages. Django finds them by the language's name."""
