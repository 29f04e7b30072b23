// What is said about connecting an agent.

import type { Added, Agent, AgentStatus, Removed } from "../backend/types";

/** What connecting writes. */
export const WHAT_IS_WRITTEN: Record<Agent, string> = {
  pi: "One provider named “shorn” is added; everything else in the file, comments and defaults stay as they are.",
  codex: "Two files of Shorn's own are written beside your config.toml, which stays as it is.",
  claude: "A settings file of Shorn's own is written. Your settings and your subscription stay as they are.",
  opencode: "One provider named “shorn” is added; everything else in the file, comments and defaults stay as they are.",
};

export function statusInWords(status: AgentStatus): string {
  switch (status.kind) {
    case "not_installed":
      return "Not found on this machine";
    case "not_connected":
      return "Not connected";
    case "unusable":
      return "File cannot be used";
    case "connected":
      return status.current ? "Connected" : "Connected, out of date";
  }
}

export function addedInWords(added: Added): string {
  switch (added.kind) {
    case "created":
      return "Written to a new file.";
    case "added":
      return `Added. The file as it was is kept as ${added.backup}.`;
    case "updated":
      return "Brought up to date.";
    case "unchanged":
      return "It was there already; nothing was changed.";
  }
}

export function removedInWords(removed: Removed): string {
  switch (removed) {
    case "deleted":
      return "Removed. The file had nothing else in it, so it is gone.";
    case "restored":
      return "Removed. The file is what it was before.";
    case "cut_out":
      return "Removed. Everything else in the file stays.";
    case "nothing_there":
      return "There was nothing of Shorn's in it.";
  }
}

/** The last part of a path. */
export const fileName = (path: string): string => path.split(/[\\/]/).at(-1) ?? path;
