"""The pages of a workspace by area, below /w/<workspace>/. URL name = view name."""
