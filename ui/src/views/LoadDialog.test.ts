import { fireEvent, screen, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { CODER_DIRECTORY, fakeModels } from "../backend/fake/models";
import type { Scenario } from "../backend/fake/scenario";
import { appAt, second, show } from "../test-app";
import LoadDialog from "./LoadDialog.svelte";

const folderOf = (part: string) => fakeModels().find(({ model }) => model.name.includes(part))?.model.directory ?? "";
const button = (name: string | RegExp) => screen.getByRole<HTMLButtonElement>("button", { name });
const total = () => screen.getByRole("meter", { name: "Estimated memory" }).getAttribute("aria-valuetext") ?? "";

/** The dialog with its first estimate. */
async function dialogFor(directory: string, scenario: Scenario = "empty") {
  const { app, fake } = await appAt(scenario);
  const onclose = vi.fn();
  const load = vi.spyOn(fake, "load");
  show(LoadDialog, app, { directory, onclose });
  await screen.findByText(/KV cache per token/);
  return { app, fake, onclose, load };
}

async function type(label: string | RegExp, text: string) {
  await fireEvent.input(screen.getByLabelText(label), { target: { value: text } });
}

async function press(name: string | RegExp) {
  await waitFor(() => expect(button(name).disabled).toBe(false));
  await fireEvent.click(button(name));
}

describe("each field", () => {
  it("reaches the load", async () => {
    const { load } = await dialogFor(CODER_DIRECTORY);
    await type("Context length", "65536");
    await fireEvent.click(screen.getByLabelText("KV cache quantization"));
    await fireEvent.click(screen.getByRole("radio", { name: /32 Accuracy/ }));
    await type("Start quantizing at", "0");
    await fireEvent.click(screen.getByLabelText("Keys and values separately"));
    await userEvent.selectOptions(screen.getByLabelText("Value bits"), "4");
    await type("Concurrent requests", "2");
    await fireEvent.click(screen.getByLabelText("Unload after"));
    await type("Minutes without requests", "15");
    await fireEvent.click(screen.getByLabelText("Keep at most"));
    await type("Prompt cache in GB", "2.5");
    await fireEvent.click(screen.getByLabelText("Always use"));
    await type("Seed value", "7");
    await press("Load");
    expect(load.mock.calls[0]?.[0]).toMatchObject({
      model: CODER_DIRECTORY,
      anyway: false,
      settings: {
        sampling: { seed: 7 },
        load: {
          context_length: 65_536,
          kv: { quantized: { key_bits: 8, value_bits: 4, group_size: 32, start: 0 } },
          max_concurrent: 2,
          idle_seconds: 900,
          prompt_cache_bytes: 2_500_000_000,
        },
      },
    });
  });

  it("is as it was left for this model", async () => {
    const { fake, app } = await appAt("idle");
    expect((await fake.savedSettings(CODER_DIRECTORY)).load.context_length).toBe(131_072);
    show(LoadDialog, app, { directory: CODER_DIRECTORY, onclose: vi.fn() });
    await screen.findByText(/KV cache per token/);
    expect(screen.getByLabelText<HTMLInputElement>("Context length").value).toBe("131072");
    expect(screen.getByLabelText<HTMLInputElement>("Start quantizing at").value).toBe("0");
    expect(screen.getByLabelText<HTMLInputElement>("Minutes without requests").value).toBe("30");
  });
});

describe("the estimate", () => {
  it("follows the fields, once for many quick changes", async () => {
    const { fake } = await dialogFor(CODER_DIRECTORY);
    const estimate = vi.spyOn(fake, "estimate");
    const before = total();
    for (const tokens of ["1024", "2048", "4096", "8192"]) await type("Context length slider", String(Number(tokens) / 1024));
    await waitFor(() => expect(total()).not.toBe(before));
    expect(estimate).toHaveBeenCalledTimes(1);
    expect(estimate.mock.calls[0]?.[1].context_length).toBe(8192);
  });

  it("says what each width saves", async () => {
    await dialogFor(CODER_DIRECTORY);
    expect(screen.getByText(/8 bits would save 12\.1 GB/)).toBeTruthy();
    await fireEvent.click(screen.getByLabelText("KV cache quantization"));
    expect(screen.getByRole("radio", { name: /^4/ }).getAttribute("aria-describedby")).toBe("kv-saving-4");
    expect(document.getElementById("kv-saving-4")?.textContent).toBe("7.2 GB, saves 18.5 GB");
  });
});

describe("what a model cannot take", () => {
  it("is greyed with the reason", async () => {
    await dialogFor(folderOf("embedded"));
    await fireEvent.click(screen.getByLabelText("KV cache quantization"));
    const refused = screen.getByRole<HTMLInputElement>("radio", { name: /128/ });
    expect(refused.disabled).toBe(true);
    const reason = document.getElementById(refused.getAttribute("aria-describedby") ?? "");
    expect(reason?.textContent).toContain("does not divide this model's head dimension 64; choose 32 or 64");
    expect(screen.getByRole<HTMLInputElement>("radio", { name: /64 Balanced/ }).disabled).toBe(false);
  });

  it("greys the whole choice when no group size will do", async () => {
    const { app, fake } = await appAt("empty");
    const estimate = fake.estimate.bind(fake);
    vi.spyOn(fake, "estimate").mockImplementation((model, options) =>
      options.kv !== null && options.kv !== "dense"
        ? Promise.reject({ code: "bad_option", field: "kv", message: "head dimension 80; choose an unquantized KV cache" })
        : estimate(model, options),
    );
    show(LoadDialog, app, { directory: CODER_DIRECTORY, onclose: vi.fn() });
    await screen.findByText(/KV cache per token/);
    expect(screen.getByLabelText<HTMLInputElement>("KV cache quantization").disabled).toBe(true);
    expect(screen.getByText(/head dimension 80/)).toBeTruthy();
  });

  it("is not offered among the models", async () => {
    await dialogFor(CODER_DIRECTORY);
    const disabled = screen.getAllByRole<HTMLOptionElement>("option").filter((option) => option.disabled);
    expect(disabled.map(({ textContent }) => textContent?.trim())).toEqual([
      "mlx-community/Qwen3-14B-4bit (incomplete)",
      "lmstudio-community/gemma-3-12b-it-GGUF (not supported)",
    ]);
  });
});

describe("a model that is too large", () => {
  it("is loaded only by a button that says so", async () => {
    const { load } = await dialogFor(folderOf("bf16"));
    expect(screen.getByText(/^Does not fit: .* too much\.$/)).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Load" })).toBeNull();
    await press("Load anyway");
    expect(load.mock.calls[0]?.[0].anyway).toBe(true);
  });

  it("fits once an advice is applied", async () => {
    const { app, fake } = await appAt("empty");
    await fake.changeSettings({ memory_limit: 34e9 });
    show(LoadDialog, app, { directory: CODER_DIRECTORY, onclose: vi.fn() });
    await screen.findByText("What would help");
    await press(/^Apply: keep the KV cache in 8 bits/);
    await screen.findByText(/^Fits/, { selector: "[data-verdict]" });
    expect(screen.getByLabelText<HTMLInputElement>("KV cache quantization").checked).toBe(true);
    expect(button("Load").disabled).toBe(false);
  });
});

describe("values that cannot be", () => {
  it("are named at their field, and nothing can be loaded", async () => {
    await dialogFor(CODER_DIRECTORY);
    await type("Context length", "300000");
    const field = screen.getByLabelText("Context length");
    expect(field.getAttribute("aria-invalid")).toBe("true");
    expect(screen.getByText("Enter a whole number from 1 to 262,144, this model's maximum.")).toBeTruthy();
    expect(button("Load").disabled).toBe(true);
  });

  it("that could never matter are warned of", async () => {
    await dialogFor(CODER_DIRECTORY);
    await fireEvent.click(screen.getByLabelText("KV cache quantization"));
    await type("Start quantizing at", "262144");
    expect(screen.getByText(/nothing would ever be quantized/)).toBeTruthy();
  });
});

describe("a loaded model", () => {
  it("is reloaded only when something changed", async () => {
    await dialogFor(CODER_DIRECTORY, "idle");
    await screen.findByText("Loaded with these settings.");
    expect(button("Reload to apply").disabled).toBe(true);
    await type("Concurrent requests", "1");
    await waitFor(() => expect(button("Reload to apply").disabled).toBe(false));
  });
});

describe("a load", () => {
  it("shows its progress, greys the fields, and closes the dialog at its end", async () => {
    const { fake, onclose } = await dialogFor(CODER_DIRECTORY);
    await press("Load");
    await second(fake);
    expect(screen.getByRole("progressbar", { name: "Loading" }).getAttribute("aria-valuenow")).toBe("20");
    expect(screen.getByLabelText("Context length").closest("fieldset")?.disabled).toBe(true);
    expect(onclose).not.toHaveBeenCalled();
    await second(fake, 5);
    await waitFor(() => expect(onclose).toHaveBeenCalled());
  });

  it("can be cancelled, which is no error", async () => {
    const { fake, app, onclose } = await dialogFor(CODER_DIRECTORY);
    await press("Load");
    await second(fake);
    await press("Cancel load");
    await waitFor(() => expect(app.model?.phase).toEqual({ phase: "stopped", why: null }));
    expect(screen.queryByRole("alert")).toBeNull();
    await waitFor(() => expect(button("Load").disabled).toBe(false));
    expect(onclose).not.toHaveBeenCalled();
  });

  it("that fails says why and can be tried again", async () => {
    const { fake } = await dialogFor(CODER_DIRECTORY);
    fake.knobs.loadFails = "model-00002.safetensors ends too early";
    await press("Load");
    await second(fake, 3);
    expect((await screen.findByRole("alert")).textContent).toContain("model-00002.safetensors ends too early");
    await waitFor(() => expect(button("Load").disabled).toBe(false));
  });
});
