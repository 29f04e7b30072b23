import { expect, it } from "vitest";
import { makeKey } from "./server-key";

it("a key is long, new each time, and fits into a header and an address", () => {
  const keys = Array.from({ length: 50 }, makeKey);
  for (const key of keys) expect(key).toMatch(/^shorn-[\w-]{32}$/);
  expect(new Set(keys).size).toBe(50);
});
