// What can be made different about the fake.

import type { BackendError, ProblemCode } from "../types";
import type { PiFile } from "./agents";

/** What can be made to go wrong, and how fast time passes. */
export interface FakeKnobs {
  /** Milliseconds between two snapshots; 0 when only `tick` makes them. */
  every: number;
  loadFails: string | null;
  portTakenBy: string | null;
  pi: PiFile;
  /** What evals lack on this machine. */
  evalMissing: string[];
  libraryFails: boolean;
  deleteFails: boolean;
  importFails: string | null;
  /** Why the Hub cannot be searched. */
  hubFails: string | null;
  /** What happens to downloads: an end with such a problem, or pauses between tries. */
  downloadTrouble: Extract<ProblemCode, "gated" | "network" | "disk_full"> | "retrying" | null;
  /** No figures about memory, as where the system does not tell. */
  memoryUnknown: boolean;
  /** Something other than macOS: nothing keeps it awake, and it does not tell the GPU's limit or the pressure. */
  otherSystem: boolean;
  /** There is an icon in the menu bar. */
  tray: boolean;
  /** What went wrong while nobody looked. */
  problem: BackendError | null;
}

export const NO_FAULTS: FakeKnobs = {
  every: 1000,
  loadFails: null,
  portTakenBy: null,
  pi: "not_connected",
  evalMissing: [],
  libraryFails: false,
  deleteFails: false,
  importFails: null,
  hubFails: null,
  downloadTrouble: null,
  memoryUnknown: false,
  otherSystem: false,
  tray: true,
  problem: null,
};
