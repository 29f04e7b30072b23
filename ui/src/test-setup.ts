import { configure } from "@testing-library/svelte";

// Slow machines are no failure: what waits gives up after this long.
configure({ asyncUtilTimeout: 20_000 });

// happy-dom has no layout, so it lacks what only matters with one.
Element.prototype.scrollIntoView ??= () => undefined;
