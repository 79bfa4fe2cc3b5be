/** Messages of the server, which begin as they would after a colon, as sentences of their own. */
import type { Picture } from "../../api/schemas.js";

/** With a capital and a full stop. A first word that may be a name (`p1.png`, `cobra-batch`) stays as it is. */
export function sentence(message: string): string {
  const begun = /^[a-z]+(?= )/.test(message) ? message[0]!.toUpperCase() + message.slice(1) : message;
  return /[.!?…。]$/.test(begun) ? begun : `${begun}.`;
}

/** Why a picture failed and what to do. */
export function failureText({ message, remedy }: NonNullable<Picture["failure"]>): string {
  return `${sentence(message)} ${sentence(remedy)}`;
}

/** The same behind the picture's name, which the message often begins with. */
export function failureTextAfter(name: string, failure: NonNullable<Picture["failure"]>): string {
  const text = failureText(failure);
  return text.startsWith(`${name} `) ? text.slice(name.length) : `: ${text}`;
}
