import { describe, expect, it } from "vitest";
import { appAt } from "../test-app";

describe("a conversation", () => {
  it("collects reasoning, answer and cost", async () => {
    const { app } = await appAt("idle");
    await app.conversation.send(app.backend, "Write a function");
    const [turn] = app.conversation.turns;
    expect(turn?.reasoning).toContain("edge cases");
    expect(turn?.answer).toContain("def group");
    expect(turn?.request?.finish).toBe("stop");
    expect(app.conversation.running).toBe(false);
  });

  it("collects tool calls", async () => {
    const { app } = await appAt("idle");
    await app.conversation.send(app.backend, "Read a file");
    expect(app.conversation.turns[0]?.calls).toEqual([{ index: 0, name: "read_file", json: '{"path": "src/main.rs"}' }]);
  });

  it("can be stopped", async () => {
    const { app } = await appAt("idle");
    const sent = app.conversation.send(app.backend, "Write a function");
    app.conversation.stop();
    await sent;
    expect(app.conversation.turns[0]?.request?.finish).toBe("cancelled");
  });

  it("shows why there is no answer", async () => {
    const { app } = await appAt("empty");
    await app.conversation.send(app.backend, "Hello");
    expect(app.conversation.turns[0]?.error?.code).toBe("unavailable");
  });

  it("forgets a reply that goes on after it was cleared", async () => {
    const { app } = await appAt("idle");
    const sent = app.conversation.send(app.backend, "Write a function");
    app.conversation.clear();
    await sent;
    expect(app.conversation.turns).toEqual([]);
    expect(app.conversation.running).toBe(false);
  });
});
