"""Clients side by side: the list, what needs attention, what should be tidied up."""
