import { render, screen } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { NO_MEMORY } from "../backend/none";
import { appAt, second } from "../test-app";
import MemoryGauge from "./MemoryGauge.svelte";

describe("the memory gauge", () => {
  it("is a meter with a value in words", async () => {
    const { app } = await appAt("serving");
    const memory = app.model?.memory ?? NO_MEMORY;
    render(MemoryGauge, { memory, limit: { bytes: 48e9, binding: "gpu_limit" }, pressure: "normal" });
    const meter = screen.getByRole("meter", { name: "Model memory" });
    expect(meter.getAttribute("aria-valuetext")).toMatch(/^\d+\.\d of 48\.0 GB used, no memory pressure$/);
    expect(Number(meter.getAttribute("aria-valuenow"))).toBe(memory.mlx_active + memory.mlx_cache);
    expect(meter.getAttribute("aria-valuemax")).toBe("48000000000");
    expect(screen.getByText(/Limited by what the GPU may use: 48\.0 GB/)).toBeTruthy();
  });

  it("shows what is not known as a dash", () => {
    render(MemoryGauge, { memory: NO_MEMORY, limit: null, pressure: null });
    expect(screen.getByText("of –")).toBeTruthy();
    expect(screen.getByText("Pressure not known")).toBeTruthy();
    expect(screen.getByText("Free").parentElement?.textContent).toContain("–");
    expect(screen.getByText(/Peak since loading: –/)).toBeTruthy();
  });

  it("says pressure in words", () => {
    render(MemoryGauge, { memory: NO_MEMORY, limit: null, pressure: "warning" });
    expect(screen.getByText("Memory is getting short")).toBeTruthy();
  });

  it("has a KV segment that grows at every sample of a generation", async () => {
    const { app, fake } = await appAt("serving");
    const sample = () => app.model?.memory ?? NO_MEMORY;
    const { rerender, container } = render(MemoryGauge, { memory: sample(), limit: null, pressure: null });
    const shown = () => Number(container.querySelector('[data-segment="kv"]')?.getAttribute("data-bytes"));
    for (let time = 0; time < 10; time += 1) {
      const before = shown();
      await second(fake);
      await rerender({ memory: sample() });
      expect(shown()).toBeGreaterThan(before);
      expect(shown()).toBe(app.snapshot?.runtime.model?.memory.kv_in_use);
    }
  });
});
