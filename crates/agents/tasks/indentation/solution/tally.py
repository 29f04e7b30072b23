def summary(herds):
    """Return for each herd its name and the sum of its animals' wool, and the sum over all herds."""
    lines = []
    total = 0
    for name, animals in herds:
        wool = 0
        for animal in animals:
            if animal["shorn"]:
                continue
            wool += animal["wool"]
        lines.append((name, wool))
        total += wool
    return lines, total


def longest(herds):
    """Return the name of the herd with the most animals."""
    best = None
    for name, animals in herds:
        if best is None or len(animals) > len(best[1]):
            best = (name, animals)
    return best[0]
