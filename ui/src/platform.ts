// What differs between systems in what the window says.

/** `platform` is the browser's: `MacIntel` on every Mac. */
export function isMac(platform: string): boolean {
  return platform.startsWith("Mac");
}

export const ON_MAC = isMac(navigator.platform);

/** What a button is called that shows a folder. */
export const SHOW_FOLDER = ON_MAC ? "Show in Finder" : "Show in folder";
