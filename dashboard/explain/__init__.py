"""Why a request was refused, and what helps."""
