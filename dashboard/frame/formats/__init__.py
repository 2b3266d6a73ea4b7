"""How pages write times and dates. Django finds the formats by the language's name."""
