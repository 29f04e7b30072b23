// What lies on the fake's disk, and what downloads, imports and deletions make of it.

import type { Download, LibraryModel } from "../types";
import type { ListedModel } from "./hub-models";
import { fakeModels, HUB, ready, SMALL } from "./models";
import { fakeError, type FoundModel } from "./plan";

export class FakeDisk {
  private models = fakeModels();

  /** All models by name, those among them of which downloads have brought a part. */
  list(downloads: Download[]): LibraryModel[] {
    const models = [...this.models.map(({ model }) => model), ...downloads.flatMap((download) => this.part(download))];
    return structuredClone(models).sort((a, b) => a.name.localeCompare(b.name));
  }

  /** A model that can be loaded. */
  find(directory: string): FoundModel {
    const found = this.models.find(({ model }) => model.directory === directory);
    if (!found?.shape) throw fakeError("model_not_found", `there is no model that can be loaded in ${directory}`);
    return { model: found.model, shape: found.shape };
  }

  /** The folder of a model that is whole. */
  folderOf(name: string): string | null {
    return this.models.find(({ model }) => model.name === name && model.state.kind === "ready")?.model.directory ?? null;
  }

  /** Bytes of an unfinished download. */
  partOf(name: string): number {
    return this.models.find(({ model }) => model.name === name && model.state.kind === "incomplete")?.model.bytes ?? 0;
  }

  delete(directory: string): number {
    const gone = this.models.find(({ model }) => model.directory === directory);
    if (gone?.model.origin === "embedded") throw fakeError("file", "the built-in model cannot be deleted");
    if (!gone) throw fakeError("model_not_found", "this model is not there any more; list the models again");
    this.models = this.models.filter((model) => model !== gone);
    return gone.model.bytes;
  }

  import(source: string, folder: string): string {
    const name = source.split("/").at(-1) ?? source;
    const directory = `${folder}/${name}`;
    const summary = { family: "qwen3", parameters: 4_022_468_096, quantization: "8-bit affine in groups of 64" };
    this.models.push(ready(name, "own", directory, SMALL, summary));
    return directory;
  }

  /** A download is whole. */
  arrive({ name, family, parameters, bits, shape }: ListedModel): string {
    this.discard(name);
    const quantization = bits === null ? "bfloat16, not quantized" : `${bits}-bit affine in groups of 64`;
    if (shape !== null) {
      const summary = { family: family ?? "", parameters: parameters ?? 0, quantization };
      this.models.push(ready(name, "hugging_face", snapshotOf(name), shape, summary));
    }
    return snapshotOf(name);
  }

  /** A download is given up, and what it brought stays. */
  keep(download: Download): void {
    this.models.push(...this.part(download).map((model) => ({ model, shape: null })));
  }

  /** What a download brought is thrown away. */
  discard(name: string): void {
    this.models = this.models.filter(({ model }) => model.name !== name || model.state.kind !== "incomplete");
  }

  private part({ name, files, done, state }: Download): LibraryModel[] {
    if (done === 0 || state.state === "ready" || this.models.some(({ model }) => model.name === name)) return [];
    const missing = `the rest of ${files.filter(({ verified }) => !verified).length} files`;
    const directory = snapshotOf(name);
    return [{ name, directory, origin: "hugging_face", bytes: done, state: { kind: "incomplete", missing } }];
  }
}

const snapshotOf = (name: string) => `${HUB}/models--${name.replace("/", "--")}/snapshots/b1d7`;
