// A model's Markdown as blocks. Nothing in it can do more than be read: no HTML, no links, no pictures from elsewhere.

import MarkdownIt, { type RendererRule, type Token } from "markdown-it";

export type Block =
  | { kind: "code"; language: string; text: string }
  /** A list, an item of one, or a quotation. */
  | { kind: "group"; tag: string; start: number | undefined; blocks: Block[] }
  /** Of elements that this file chose; all text in it is escaped. */
  | { kind: "html"; html: string };

const markdown = new MarkdownIt({ html: false, linkify: false, breaks: true });
const { escapeHtml } = markdown.utils;

markdown.renderer.rules.link_open = () => "";
markdown.renderer.rules.link_close = (tokens, index) => {
  const open = tokens.findLastIndex(({ type }, before) => before < index && type === "link_open");
  const words = tokens.slice(open + 1, index).map(({ content }) => content).join("");
  return address(words, tokens[open]?.attrGet("href"));
};
markdown.renderer.rules.image = (tokens, index) => {
  const { content = "" } = tokens[index] ?? {};
  return escapeHtml(content) + address(content, tokens[index]?.attrGet("src"));
};

/** Behind its words, unless they are the address themselves. */
function address(words: string, url: string | number | null | undefined): string {
  return !url || url === words ? "" : ` <span class="address">(${escapeHtml(String(url))})</span>`;
}

/** markdown-it aligns cells with a `style`, which the window's content security policy does not let through. */
const cell: RendererRule = (tokens, index, options, _, renderer) => {
  const token = tokens[index];
  const align = String(token?.attrGet("style")).match(/right|center/)?.[0];
  if (token) token.attrs = align === undefined ? null : [["class", align]];
  return renderer.renderToken(tokens, index, options);
};
markdown.renderer.rules.th_open = cell;
markdown.renderer.rules.td_open = cell;
// A wide table scrolls by itself.
markdown.renderer.rules.table_open = () => '<div class="scroll"><table>';
markdown.renderer.rules.table_close = () => "</table></div>";

/** The blocks of a text that may not be at its end yet. */
export function blocksOf(text: string): Block[] {
  return blocks(markdown.parse(text, {}));
}

const GROUPS = ["bullet_list_open", "ordered_list_open", "list_item_open", "blockquote_open"];

function blocks(tokens: Token[]): Block[] {
  return siblings(tokens).map((block): Block => {
    const first = block[0] as Token;
    if (first.type === "fence" || first.type === "code_block") {
      return { kind: "code", language: first.info.trim().split(/\s/)[0] ?? "", text: first.content.replace(/\n$/, "") };
    }
    if (GROUPS.includes(first.type)) {
      const start = Number(first.attrGet("start") ?? Number.NaN);
      const inside = blocks(block.slice(1, -1));
      return { kind: "group", tag: first.tag, start: Number.isNaN(start) ? undefined : start, blocks: inside };
    }
    return { kind: "html", html: markdown.renderer.render(block, markdown.options, {}) };
  });
}

/** The tokens of each block, without going into it. */
function siblings(tokens: Token[]): Token[][] {
  const found: Token[][] = [];
  let depth = 0;
  for (const token of tokens) {
    if (depth === 0) found.push([]);
    found.at(-1)?.push(token);
    depth += token.nesting;
  }
  return found;
}
