/** Messages of the server, which begin as they would after a colon, as sentences of their own. */

/** With a capital and a full stop. A first word that may be a name (`p1.png`, `cobra-batch`) stays as it is. */
export function sentence(message: string): string {
  const begun = /^[a-z]+(?= )/.test(message) ? message[0]!.toUpperCase() + message.slice(1) : message;
  return /[.!?…。]$/.test(begun) ? begun : `${begun}.`;
}
