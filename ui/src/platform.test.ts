import { expect, it } from "vitest";
import { isMac } from "./platform";

it("a Mac is known by its platform, with either processor", () => {
  expect(["MacIntel", "MacARM", "Linux x86_64", "Linux aarch64", ""].map(isMac)).toEqual([true, true, false, false, false]);
});
