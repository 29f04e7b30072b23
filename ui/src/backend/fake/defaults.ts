// The settings that the fake starts from.

import type { AppSettings } from "../types";
import { HOME } from "./models";

export const FIRST_SETTINGS: AppSettings = {
  port: 1234,
  api_key: null,
  network: false,
  start_server: true,
  launch_at_login: false,
  load_at_start: false,
  memory_in_menu_bar: false,
  keep_awake: true,
  memory_limit: null,
  guard: "balanced",
  folders: {
    own: `${HOME}/Library/Application Support/Shorn/models`,
    hugging_face: `${HOME}/.cache/huggingface/hub`,
    lm_studio: `${HOME}/.lmstudio/models`,
  },
  log_level: "info",
  first_start_done: true,
  recent: [],
};
