import { fireEvent, screen, waitFor, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { describe, expect, it } from "vitest";
import App from "../App.svelte";
import type { Scenario } from "../backend/fake/scenario";
import { appAt, second, show } from "../test-app";

const button = (name: string | RegExp) => screen.getByRole<HTMLButtonElement>("button", { name });
const box = (name: string | RegExp) => screen.getByRole<HTMLInputElement>("checkbox", { name });

async function evalAt(scenario: Scenario) {
  const test = await appAt(scenario);
  test.app.view = "eval";
  show(App, test.app, { app: test.app });
  await tick();
  return test;
}

describe("Eval", () => {
  it("runs all tasks with the cache that is loaded, shows each as it comes, and keeps the run", async () => {
    const { fake } = await evalAt("idle");
    await screen.findByText("6 of 6 tasks");
    expect(screen.getByText(/as the model is loaded \(8-bit\)/)).toBeTruthy();
    await fireEvent.click(button("Start"));
    const running = within(await screen.findByRole("region", { name: "Running" }));
    expect(running.getByRole("progressbar").getAttribute("aria-valuetext")).toBe("0 of 6 tasks");
    await second(fake, 2);
    expect(running.getByRole("progressbar").getAttribute("aria-valuetext")).toBe("1 of 6 tasks");
    expect(running.getByRole("row", { name: /A bug in another file Passed/ })).toBeTruthy();
    expect(running.getByText(/^A function from its tests/).textContent).toContain("turns");
    await second(fake, 10);
    const past = within(await screen.findByRole("region", { name: "Past runs" }));
    await past.findByText("6 of 6");
    expect(past.getByText(/confined by Seatbelt, temperature 0/)).toBeTruthy();
    expect(button("Start"), "another can begin").toBeTruthy();
  });

  it("compares KV caches: what passed beside the memory that each took", async () => {
    const { fake } = await evalAt("idle");
    for (const name of ["Unquantized", "8-bit", "4-bit"]) await fireEvent.click(await screen.findByRole("checkbox", { name }));
    await fireEvent.click(screen.getByText("6 of 6 tasks"));
    await fireEvent.click(box(/^A question/));
    expect(screen.getByText("5 of 6 tasks")).toBeTruthy();
    await fireEvent.click(button("Start"));
    await second(fake, 30);
    const table = await screen.findByRole("group", { name: "What each KV cache costs" });
    const rows = within(table).getAllByRole("row").slice(1).map((row) => row.textContent);
    expect(rows[0]).toMatch(/Unquantized\s*5 of 5\s*1\.2 GB\s*12,000/);
    expect(rows[1]).toMatch(/8-bit, groups of 64, from the first token\s*5 of 5\s*576 MB/);
    expect(rows[2]).toMatch(/4-bit, groups of 64, from the first token\s*4 of 5\s*288 MB/);
    const four = screen.getByRole("group", { name: /^Tasks with this KV cache: 4-bit/ });
    expect(within(four).getByRole("row", { name: /A file of 1,500 lines Tests fail/ }).textContent).toContain("FAILED");
  });

  it("is cancelled, and what it found out is kept and can be deleted", async () => {
    const { fake } = await evalAt("idle");
    await fireEvent.click(await screen.findByRole("button", { name: "Start" }));
    await second(fake, 3);
    await fireEvent.click(button("Cancel"));
    await screen.findByText("Cancelled");
    expect(screen.getByText("1 of 1")).toBeTruthy();
    await fireEvent.click(button(/^Delete the run of/));
    await screen.findByText("None yet.");
    expect(await fake.evals()).toEqual([]);
  });

  it("says what is missing, and does not start", async () => {
    const { app, fake } = await appAt("empty");
    fake.knobs.evalMissing = ["bubblewrap is not installed: `apt-get install bubblewrap`"];
    app.view = "eval";
    show(App, app, { app });
    await screen.findByText("Bubblewrap is not installed: `apt-get install bubblewrap`.");
    expect(screen.getByText(/^Load a model first/)).toBeTruthy();
    expect(button("Start").disabled).toBe(true);
  });

  it("says why it does not start", async () => {
    const { fake } = await evalAt("idle");
    fake.startEval = () => Promise.reject({ code: "unavailable", message: "Pi is not on the PATH" });
    await fireEvent.click(await screen.findByRole("button", { name: "Start" }));
    expect((await screen.findByRole("alert")).textContent).toContain("Pi is not on the PATH");
  });
});

describe("the load dialog", () => {
  it("shows the last eval of the model with the KV cache that is chosen", async () => {
    const { app, fake } = await appAt("idle");
    await fake.startEval({ agent: "pi", tasks: [], kv: [{ quantized: { key_bits: 4, value_bits: 4, group_size: 64, start: 0 } }] });
    for (let passed = 0; passed < 12; passed += 1) fake.tick();
    app.loadDialog = app.model?.directory ?? "";
    show(App, app, { app });
    await screen.findByText("No eval of this model with this KV cache yet.");
    await fireEvent.click(screen.getByRole("radio", { name: /^4/ }));
    await waitFor(() => expect(screen.getByText(/^Last eval with this KV cache/).textContent).toMatch(/5 of 6 tasks passed, with\s+Pi/));
  });

  it("says nothing of evals that cannot be told", async () => {
    const { app, fake } = await appAt("idle");
    fake.lastEval = () => Promise.reject({ code: "file", message: "cannot be read" });
    app.loadDialog = app.model?.directory ?? "";
    show(App, app, { app });
    await screen.findByText(/against unquantized/);
    expect(screen.queryByText(/eval/)).toBeNull();
  });
});
