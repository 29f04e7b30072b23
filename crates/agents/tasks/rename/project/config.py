def load_config():
    """Return the configuration."""
    return {"mark": "*"}
