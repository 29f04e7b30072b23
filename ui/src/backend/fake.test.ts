import { describe, expect, it } from "vitest";
import { appAt } from "../test-app";

describe("the fake's settings", () => {
  it("refuse what cannot be, by field", async () => {
    const { fake } = await appAt("idle");
    await expect(fake.changeSettings({ port: 0 })).rejects.toMatchObject({ code: "bad_setting", field: "port" });
    await expect(fake.changeSettings({ network: true })).rejects.toMatchObject({ code: "needs_key", field: "network" });
    expect(await fake.settings()).toMatchObject({ port: 1234, network: false });
  });

  it("remember what was loaded, newest first and once", async () => {
    const { fake } = await appAt("idle");
    const saved = await fake.savedSettings("/none");
    for (const name of ["Qwen3-4B", "Coder", "Qwen3-4B"]) {
      const { models } = await fake.library();
      const model = models.find((candidate) => candidate.name.includes(name))?.directory ?? "";
      const load = fake.load({ model, settings: saved, anyway: false });
      fake.engine.finishLoad();
      await load;
    }
    const { recent } = await fake.settings();
    expect(recent.map(({ name }) => name.includes("Coder"))).toEqual([false, true]);
  });
});
