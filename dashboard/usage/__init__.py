"""What clients did, as charts, tables and files."""
