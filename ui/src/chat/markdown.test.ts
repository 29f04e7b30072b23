import { describe, expect, it } from "vitest";
import { type Block, blocksOf } from "./markdown";

const html = (text: string) =>
  blocksOf(text)
    .map((block) => (block.kind === "html" ? block.html : ""))
    .join("");

function kinds(blocks: Block[]): unknown[] {
  return blocks.map((block) => (block.kind === "group" ? [block.tag, ...kinds(block.blocks)] : block.kind));
}

describe("Markdown", () => {
  it("comes as blocks, with code apart, also inside a list", () => {
    const text = "# Title\n\nWords.\n\n```rust\nfn main() {}\n```\n\n1. First\n   ```sh\n   ls\n   ```\n2. Second\n\n> Said\n\n---";
    expect(kinds(blocksOf(text))).toEqual([
      "html",
      "html",
      "code",
      ["ol", ["li", "html", "code"], ["li", "html"]],
      ["blockquote", "html"],
      "html",
    ]);
    expect(blocksOf(text)[2]).toEqual({ kind: "code", language: "rust", text: "fn main() {}" });
  });

  it("has code that has not ended yet", () => {
    expect(blocksOf("```python\nprint(1)\npri")).toEqual([{ kind: "code", language: "python", text: "print(1)\npri" }]);
    expect(blocksOf("```")).toEqual([{ kind: "code", language: "", text: "" }]);
  });

  it("counts on where a list begins", () => {
    expect(blocksOf("3. Third")[0]).toMatchObject({ tag: "ol", start: 3 });
    expect(blocksOf("1. First")[0]).toMatchObject({ tag: "ol", start: undefined });
  });

  it("keeps the end of a line", () => {
    expect(html("one\ntwo")).toContain("<br>");
  });
});

describe("what a model may not do", () => {
  it("is to write HTML", () => {
    expect(html('<img src=x onerror="alert(1)">\n\n<script>alert(1)</script> & <b>')).not.toMatch(/<(?!\/?p>|br>)/);
  });

  it("is to link: an address is text", () => {
    expect(html("See [the **manual**](https://example.org/a?b=1&c=2).")).toBe(
      '<p>See the <strong>manual</strong> <span class="address">(https://example.org/a?b=1&amp;c=2)</span>.</p>\n',
    );
    expect(html("<https://example.org/>")).toBe("<p>https://example.org/</p>\n");
    expect(html("[here](javascript:alert(1)) [there](https://x.org \"title\")")).not.toMatch(/<a|href|title=/);
  });

  it("is to fetch a picture", () => {
    const picture = html("![A <cat>](https://example.org/cat.png)");
    expect(picture).toBe('<p>A &lt;cat&gt; <span class="address">(https://example.org/cat.png)</span></p>\n');
  });

  it("is to style: cells are aligned by a class", () => {
    const table = html("| a | b |\n|---|--:|\n| 1 | 2 |");
    expect(table).toContain('<td class="right">2</td>');
    expect(table).toContain("<td>1</td>");
    expect(table).not.toContain("style");
  });
});
