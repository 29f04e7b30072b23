// happy-dom has no layout, so it lacks what only matters with one.
Element.prototype.scrollIntoView ??= () => undefined;
