// Numbers in words, as everywhere in Shorn: a gigabyte is 10^9 bytes, and what is not known is a dash.

export const UNKNOWN = "–";

type Maybe = number | null | undefined;

function known(value: Maybe): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** `17.2 GB`, `469 MB`, `52.2 kB`. */
export function bytes(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  const units: [number, string][] = [
    [1e12, "TB"],
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "kB"],
  ];
  // The unit in which the rounded figure is at least 1: 999,950,000 bytes are 1.0 GB.
  const found = units.find(([size]) => Math.abs(value) >= size * 0.99995);
  if (!found) return `${Math.round(value)} B`;
  const [size, unit] = found;
  const scaled = value / size;
  return `${scaled.toFixed(unit !== "GB" && unit !== "TB" && Math.abs(scaled) >= 99.95 ? 0 : 1)} ${unit}`;
}

/** Memory beside other memory: `0.4 MB` and not `400 kB`, so that the figures in a column are easy to compare. */
export function megabytes(value: Maybe): string {
  if (!known(value) || Math.abs(value) >= 9.995e5) return bytes(value);
  if (value === 0) return "0 MB";
  return value < 5e4 ? "<0.1 MB" : `${(value / 1e6).toFixed(1)} MB`;
}

/** How much of a whole, for a large figure and what follows it: `12.4` and `of 36.0 GB`, `48.6 MB` and `of 36.0 GB`. */
export function portionParts(part: Maybe, whole: Maybe): [string, string] {
  const all = bytes(whole);
  const unit = all.split(" ")[1];
  const some = part === 0 && unit !== undefined ? `0 ${unit}` : megabytes(part);
  const shared = unit !== undefined && some.endsWith(` ${unit}`);
  return [shared ? some.slice(0, -unit.length - 1) : some, `of ${all}`];
}

/** `12.4 of 36.0 GB`. */
export function portion(part: Maybe, whole: Maybe): string {
  return portionParts(part, whole).join(" ");
}

/** `262,144`. */
export function count(value: Maybe): string {
  return known(value) ? Math.round(value).toLocaleString("en-US") : UNKNOWN;
}

/** `0.42 s`, `12.3 s`, `3 min 5 s`. */
export function seconds(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  if (value < 10) return `${value.toFixed(2)} s`;
  if (value < 59.95) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

/** A whole length of time: `30 minutes`, `1 hour`, `90 seconds`. */
export function duration(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  const unit = (size: number, name: string) => {
    const amount = value / size;
    return `${amount} ${name}${amount === 1 ? "" : "s"}`;
  };
  if (value >= 3600 && value % 3600 === 0) return unit(3600, "hour");
  if (value >= 60 && value % 60 === 0) return unit(60, "minute");
  return unit(1, "second");
}

/** How long something will still take: `40 s`, `4 min`, `1 h 12 min`. */
export function timeLeft(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  if (value < 60) return `${Math.ceil(value)} s`;
  const minutes = Math.round(value / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Tokens of a context: `256K`, `1M`, `40K`; thousands of 1024, where it is a whole number of them. */
export function contextLength(tokens: Maybe): string {
  if (!known(tokens) || tokens % 1024 !== 0) return count(tokens);
  const thousands = tokens / 1024;
  return thousands % 1024 === 0 ? `${thousands / 1024}M` : `${thousands}K`;
}

/** `21 Oct 2026`, from what the Hub says. */
export function date(iso: string | null): string {
  const time = new Date(iso ?? "");
  if (Number.isNaN(time.getTime())) return UNKNOWN;
  return time.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
}

/** `84.6`. */
export function rate(value: Maybe): string {
  return known(value) ? value.toFixed(1) : UNKNOWN;
}

/** From a share between 0 and 1: `85 %`. */
export function percent(value: Maybe): string {
  return known(value) ? `${Math.round(value * 100)} %` : UNKNOWN;
}

/** `30.5 B`, `596 M`: a number of parameters. */
export function parameters(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} B`;
  return value >= 1e6 ? `${Math.round(value / 1e6)} M` : count(value);
}

/** The clock time of milliseconds since 1970. */
export function clock(milliseconds: Maybe): string {
  if (!known(milliseconds)) return UNKNOWN;
  return new Date(milliseconds).toLocaleTimeString("en-GB", { hour12: false });
}

/** Day and minute of milliseconds since 1970: `21 Nov 2026, 14:05`. */
export function moment(milliseconds: Maybe): string {
  if (!known(milliseconds)) return UNKNOWN;
  const time = new Date(milliseconds);
  const day = time.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  return `${day}, ${time.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}`;
}

/** A message as a sentence: it begins like the middle of one, or with a name, which stays as it is. */
export function capitalized(message: string): string {
  return message.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase());
}

/** A message between others: capitalized, and with a full stop if it has none. */
export function sentence(message: string): string {
  const words = capitalized(message);
  return words === "" || /[.!?…]$/.test(words) ? words : `${words}.`;
}
