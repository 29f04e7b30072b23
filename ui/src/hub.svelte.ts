// The search on the Hub: what is asked, what came back. It outlives the view, so that results are there again.

import { asBackendError, type Backend } from "./backend/backend";
import type { BackendError, HubModel, SearchOrder } from "./backend/types";

/** Milliseconds without a key before the Hub is asked. */
const PAUSE = 350;

export class HubSearch {
  text = $state("");
  order = $state<SearchOrder>("trending");
  /** `null` before the first answer. */
  models = $state.raw<HubModel[] | null>(null);
  /** What `models` is the answer to. */
  answered = $state<{ text: string; order: SearchOrder } | null>(null);
  busy = $state<"search" | "more" | null>(null);
  error = $state.raw<BackendError | null>(null);
  /** Whether the machine was offline when the search failed. */
  offline = $state(false);
  /** Where the next page begins; `null` when there is none. */
  next = $state<string | null>(null);
  private readonly backend: Backend;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The last question: the answer to an older one is not shown. */
  private question = 0;
  private failed: "search" | "more" = "search";

  constructor(backend: Backend) {
    this.backend = backend;
  }

  /** The text was changed: asks once nobody types any more. */
  type(text: string): void {
    this.text = text;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.search(), PAUSE);
  }

  sortBy(order: SearchOrder): Promise<void> {
    this.order = order;
    return this.search();
  }

  /** Asks now. What was found before stays until the answer is there. */
  async search(): Promise<void> {
    const [text, order] = [this.text.trim(), this.order];
    await this.ask("search", { text, order }, (found) => {
      this.models = unique(found);
      this.answered = { text, order };
    });
  }

  async more(): Promise<void> {
    if (this.next === null || this.answered === null || this.busy !== null) return;
    await this.ask("more", { ...this.answered, page: this.next }, (found) => {
      this.models = unique([...(this.models ?? []), ...found]);
    });
  }

  /** Repeats what failed. */
  retry(): Promise<void> {
    return this.failed === "more" ? this.more() : this.search();
  }

  private async ask(
    kind: "search" | "more",
    search: { text: string; order: SearchOrder; page?: string },
    show: (found: HubModel[]) => void,
  ): Promise<void> {
    clearTimeout(this.timer);
    this.question += 1;
    const question = this.question;
    this.busy = kind;
    try {
      const page = await this.backend.searchModels(search);
      if (question !== this.question) return;
      show(page.models);
      [this.next, this.error, this.offline] = [page.next, null, false];
    } catch (thrown) {
      if (question !== this.question) return;
      [this.error, this.offline, this.failed] = [asBackendError(thrown), !navigator.onLine, kind];
    }
    this.busy = null;
  }
}

/** The Hub's pages move while somebody reads them, so that a model can be on two. */
function unique(models: HubModel[]): HubModel[] {
  return [...new Map(models.map((model) => [model.name, model])).values()];
}
