import { fireEvent, screen, waitFor } from "@testing-library/svelte";
import { tick } from "svelte";
import { describe, expect, it } from "vitest";
import type { Scenario } from "../backend/fake/scenario";
import type { ChatEvent, CompletedRequest } from "../backend/types";
import { appAt, show } from "../test-app";
import Chat from "./Chat.svelte";

async function chatAt(scenario: Scenario) {
  const test = await appAt(scenario);
  show(Chat, test.app, {});
  return test;
}

async function ask(question: string) {
  await fireEvent.input(screen.getByLabelText("Message"), { target: { value: question } });
  await fireEvent.keyDown(screen.getByLabelText("Message"), { key: "Enter" });
}

describe("Chat", () => {
  it("shows Markdown, and copies code as it is", async () => {
    const { fake } = await chatAt("idle");
    await ask("Write a function");
    await screen.findByText(/^Complete/);
    await waitFor(() => expect(screen.getByText("first word").tagName).toBe("STRONG"));
    expect(screen.getByText("python")).toBeTruthy();
    await fireEvent.click(screen.getByRole("button", { name: "Copy" }));
    await waitFor(() => expect(fake.copied).toMatch(/^def group\(lines\):\n {4}groups = \{\}\n[^]*return groups$/));
    expect(document.querySelector(".log a")).toBeNull();
  });

  it("renders at most once for each frame, and its end", async () => {
    const { fake } = await chatAt("idle");
    let tell: (event: ChatEvent) => void = () => undefined;
    let end: () => void = () => undefined;
    fake.chat = (_, onEvent) => {
      tell = onEvent;
      return new Promise((resolve) => (end = resolve));
    };
    await ask("Count");
    await waitFor(() => expect(screen.getByRole("button", { name: "Stop" })).toBeTruthy());
    tell({ type: "content", text: "0" });
    await screen.findByText("0");
    let renderings = 0;
    const markdown = document.querySelector(".markdown") as Element;
    const observer = new MutationObserver(() => (renderings += 1));
    observer.observe(markdown, { childList: true, characterData: true, subtree: true });
    const frames = globalThis.requestAnimationFrame;
    const waiting: FrameRequestCallback[] = [];
    globalThis.requestAnimationFrame = (callback) => waiting.push(callback);
    try {
      for (let number = 1; number <= 50; number += 1) {
        tell({ type: "content", text: ` ${number}` });
        await tick();
      }
      expect([waiting.length, renderings]).toEqual([1, 0]);
      waiting[0]?.(0);
      await screen.findByText(/^0 1 .* 50$/);
    } finally {
      globalThis.requestAnimationFrame = frames;
      observer.disconnect();
    }
    tell({ type: "finished", request: { finish: "stop", report: null } as CompletedRequest });
    end();
    await screen.findByText(/^Complete/);
  });

  it("keeps what is typed during a reply", async () => {
    const { fake } = await chatAt("idle");
    fake.chat = () => new Promise(() => undefined);
    await ask("First");
    await ask("Second");
    expect(screen.getByLabelText<HTMLTextAreaElement>("Message").value).toBe("Second");
    expect(screen.getByText("First")).toBeTruthy();
  });

  it("says that a reply without a report was stopped", async () => {
    const { fake } = await chatAt("idle");
    fake.chat = async () => undefined;
    await ask("Hello");
    await screen.findByText("Stopped before it began");
  });

  it("offers what is missing", async () => {
    const { app } = await chatAt("stopped");
    expect(screen.getByLabelText<HTMLTextAreaElement>("Message").disabled).toBe(true);
    // The fake of this moment has a model, but its server is stopped.
    app.conversation.clear();
    await fireEvent.click(await screen.findByRole("button", { name: "Start server" }));
    await waitFor(() => expect(screen.getByLabelText<HTMLTextAreaElement>("Message").disabled).toBe(false));
  });

  it("offers to load a model", async () => {
    const { app } = await chatAt("empty");
    await fireEvent.click(screen.getByRole("button", { name: "Load a model…" }));
    expect(app.loadDialog).toBe("");
  });
});
