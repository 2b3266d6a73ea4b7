"""How times and dates are written on pages; found by Django under the language's name."""
