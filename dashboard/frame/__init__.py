"""The frame of every page, and code that several areas share."""
