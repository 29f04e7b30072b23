// Keys that clients of the server send.

/** A new key: 192 bits, in letters that need no escaping anywhere. */
export function makeKey(): string {
  const random = crypto.getRandomValues(new Uint8Array(24));
  const base64 = btoa(String.fromCharCode(...random));
  return `shorn-${base64.replaceAll("+", "-").replaceAll("/", "_")}`;
}
