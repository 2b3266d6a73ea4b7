"""What every page has, and what several areas share."""
