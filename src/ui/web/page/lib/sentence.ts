/** Messages of the server, which begin as they would after a colon, as sentences of their own. */
import type { Picture } from "../../api/schemas.js";

/** With a capital and a full stop. A first word that may be a name (`p1.png`, `cobra-batch`) stays as it is. */
export function sentence(message: string): string {
  const begun = /^[a-z]+(?= )/.test(message) ? message[0]!.toUpperCase() + message.slice(1) : message;
  return /[.!?…。]$/.test(begun) ? begun : `${begun}.`;
}

/** Why a picture failed and what to do, as sentences that stand beside its name: it is not said again. */
export function failureText(name: string, { message, remedy }: NonNullable<Picture["failure"]>): string {
  const rest = message.startsWith(`${name} `) ? message.slice(name.length + 1) : message;
  return `${sentence(rest)} ${sentence(remedy)}`;
}
