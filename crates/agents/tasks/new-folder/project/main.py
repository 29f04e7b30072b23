from shapes.circle import area, diameter


def describe(radius):
    """Return a circle in words."""
    return f"{diameter(radius)} wide, area {area(radius):.2f}"
