/** Notices: what people should know of a batch that goes on, as `warning` events tell it. */

/** The fact, and what to do about it where something can be done; both said to people at a terminal. */
export interface Notice {
  readonly message: string;
  readonly remedy?: string;
}

/** Facts about which nothing can be done. */
export function noticesOf(messages: readonly string[] = []): Notice[] {
  return messages.map((message) => ({ message }));
}
