// The models on disk, and whether each fits this machine with the settings that are saved for it.

import { asBackendError, type Backend } from "./backend/backend";
import type { BackendError, Fit, LibraryModel, LibraryOrigin, UnreadableFolder, Verdict } from "./backend/types";

export class LibraryList {
  models = $state.raw<LibraryModel[] | null>(null);
  unreadable = $state.raw<UnreadableFolder[]>([]);
  /** By folder; a model whose fit is not known yet is not in it. */
  fits = $state.raw<Record<string, Fit>>({});
  error = $state.raw<BackendError | null>(null);
  private readonly backend: Backend;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  async refresh(): Promise<void> {
    await this.list();
    await this.judgeAll();
  }

  async list(): Promise<void> {
    try {
      const library = await this.backend.library();
      this.models = library.models.toSorted((a, b) => rank(a) - rank(b));
      this.unreadable = library.unreadable;
      this.error = null;
    } catch (thrown) {
      this.error = asBackendError(thrown);
    }
  }

  async judgeAll(): Promise<void> {
    await Promise.all(this.ready().map((model) => this.judge(model)));
  }

  /** The largest model that fits, else one that can be loaded at all. */
  suggestion(): LibraryModel | null {
    const largest = this.ready().sort((a, b) => b.bytes - a.bytes);
    const fits = (verdict: Verdict) => largest.find(({ directory }) => this.fits[directory]?.verdict === verdict);
    return fits("fits") ?? fits("tight") ?? largest.at(-1) ?? null;
  }

  /** Whether a model of the Hub can be loaded from this disk; what the backend said of it counts until there is a list. */
  has({ name, directory }: { name: string; directory: string | null }): boolean {
    return this.models === null ? directory !== null : this.ready().some((model) => model.name === name);
  }

  private ready(): LibraryModel[] {
    return (this.models ?? []).filter(({ state }) => state.kind === "ready");
  }

  /** A model whose estimate fails has no badge; its load dialog says why. */
  private async judge({ directory }: LibraryModel): Promise<void> {
    try {
      const { load } = await this.backend.savedSettings(directory);
      const { fit } = await this.backend.estimate(directory, load);
      this.fits = { ...this.fits, [directory]: fit };
    } catch {
      const { [directory]: _, ...others } = this.fits;
      this.fits = others;
    }
  }
}

/** What can be used comes first; within that the backend's order, by name. */
function rank({ origin, state }: LibraryModel): number {
  if (state.kind === "ready") return origin === "embedded" ? 1 : 0;
  return state.kind === "incomplete" ? 2 : 3;
}

export function originInWords(origin: LibraryOrigin): string {
  return {
    own: "Shorn's folder",
    hugging_face: "Hugging Face cache",
    lm_studio: "LM Studio",
    embedded: "Built in",
  }[origin];
}
