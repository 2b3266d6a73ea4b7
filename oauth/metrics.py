def observe(endpoint: str, status: int, error: str, seconds: float) -> None:
    pass
