import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FakeBackend } from "./backend/fake";
import type { HubPage, Search } from "./backend/types";
import { HubSearch } from "./hub.svelte";
import { appAt } from "./test-app";

const names = (hub: HubSearch) => hub.models?.map(({ name }) => name.split("/")[1]);

/** A search whose answers come when they are told to. */
async function slowSearch() {
  const { fake } = await appAt("idle");
  const asked: { search: Search; answer: () => Promise<void>; fail: () => Promise<void> }[] = [];
  const real = fake.searchModels.bind(fake);
  fake.searchModels = (search) =>
    new Promise<HubPage>((resolve, reject) => {
      const settle = async (end: () => void) => {
        end();
        await new Promise((later) => setTimeout(later, 0));
      };
      asked.push({
        search,
        answer: async () => {
          const page = await real(search);
          await settle(() => resolve(page));
        },
        fail: () => settle(() => reject({ code: "hub", message: "the Hub has an error of its own" })),
      });
    });
  return { hub: new HubSearch(fake), asked };
}

describe("an answer to an older question", () => {
  it("never takes the place of a newer one", async () => {
    const { hub, asked } = await slowSearch();
    hub.text = "gemma";
    void hub.search();
    hub.text = "whisper";
    void hub.search();
    await asked[1]?.answer();
    await asked[0]?.answer();
    expect([names(hub), hub.answered?.text, hub.busy]).toEqual([["whisper-large-v3-mlx"], "whisper", null]);
  });

  it("is not even an error", async () => {
    const { hub, asked } = await slowSearch();
    void hub.search();
    void hub.sortBy("size");
    await asked[0]?.fail();
    expect([hub.error, hub.busy]).toEqual([null, "search"]);
  });

  it("does not add its next page to other results", async () => {
    const { hub, asked } = await slowSearch();
    void hub.search();
    await asked[0]?.answer();
    void hub.more();
    hub.text = "whisper";
    void hub.search();
    await asked[2]?.answer();
    await asked[1]?.answer();
    expect([names(hub), hub.next]).toEqual([["whisper-large-v3-mlx"], null]);
  });
});

describe("results", () => {
  it("stay until the next ones are there, and when those fail", async () => {
    const { hub, asked } = await slowSearch();
    hub.text = "whisper";
    void hub.search();
    await asked[0]?.answer();
    hub.text = "gemma";
    void hub.search();
    expect([hub.busy, names(hub)]).toEqual(["search", ["whisper-large-v3-mlx"]]);
    await asked[1]?.fail();
    expect([hub.busy, names(hub), hub.error?.code]).toEqual([null, ["whisper-large-v3-mlx"], "hub"]);
  });

  it("are in one list without doubles, though the Hub's pages move meanwhile", async () => {
    const { fake } = await appAt("idle");
    const hub = new HubSearch(fake);
    await hub.search();
    const first = hub.models?.at(-1);
    const real = fake.searchModels.bind(fake);
    fake.searchModels = async (search) => {
      const page = await real(search);
      return { ...page, models: first ? [first, ...page.models] : page.models };
    };
    await hub.more();
    expect(hub.models?.length).toBe(24);
    expect(new Set(names(hub)).size).toBe(24);
  });

  it("come to an end", async () => {
    const { fake } = await appAt("idle");
    const hub = new HubSearch(fake);
    await hub.search();
    await hub.more();
    await hub.more();
    expect([hub.models?.length, hub.next]).toEqual([32, null]);
    await hub.more();
    expect(hub.models?.length).toBe(32);
  });

  it("go on in the order and with the words that they began with", async () => {
    const { fake } = await appAt("idle");
    const search = vi.spyOn(fake, "searchModels");
    const hub = new HubSearch(fake);
    hub.text = "qwen3";
    await hub.sortBy("size");
    hub.text = "something else";
    await hub.more();
    expect(search.mock.lastCall?.[0]).toEqual({ text: "qwen3", order: "size", page: "12" });
  });
});

describe("a failure", () => {
  it("of a next page is repeated as that", async () => {
    const { hub, asked } = await slowSearch();
    void hub.search();
    await asked[0]?.answer();
    void hub.more();
    await asked[1]?.fail();
    void hub.retry();
    expect(asked[2]?.search.page).toBe("12");
    await asked[2]?.answer();
    expect([hub.models?.length, hub.error]).toEqual([24, null]);
  });

  it("of a machine without a network is named so", async () => {
    const { fake } = await appAt("idle");
    fake.knobs.hubFails = "the Hub cannot be reached";
    const online = vi.spyOn(navigator, "onLine", "get").mockReturnValue(false);
    const hub = new HubSearch(fake);
    await hub.search();
    expect(hub.offline).toBe(true);
    online.mockReturnValue(true);
    await hub.retry();
    expect([hub.offline, hub.error?.code]).toEqual([false, "hub"]);
    online.mockRestore();
  });
});

describe("typing", () => {
  let fake: FakeBackend;
  beforeEach(async () => {
    ({ fake } = await appAt("idle"));
    vi.useFakeTimers();
  });
  afterEach(() => vi.useRealTimers());

  it("asks once, when nobody types any more", async () => {
    const search = vi.spyOn(fake, "searchModels");
    const hub = new HubSearch(fake);
    for (const text of ["q", "qw", "qwe", " qwen "]) {
      hub.type(text);
      vi.advanceTimersByTime(100);
    }
    expect(search).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(400);
    expect(search.mock.calls).toEqual([[{ text: "qwen", order: "trending" }]]);
  });

  it("is not asked a second time after Enter", async () => {
    const search = vi.spyOn(fake, "searchModels");
    const hub = new HubSearch(fake);
    hub.type("qwen");
    await hub.search();
    await vi.advanceTimersByTimeAsync(1000);
    expect(search).toHaveBeenCalledTimes(1);
  });
});
