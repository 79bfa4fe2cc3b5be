/** Notices: what people should know of something that goes on all the same; `warning` events report them. */

/** The fact, and what to do about it where something can be done; both said to people at a terminal. */
export interface Notice {
  readonly message: string;
  readonly remedy?: string;
}

/** Facts about which nothing can be done. */
export function noticesOf(messages: readonly string[] = []): Notice[] {
  return messages.map((message) => ({ message }));
}

/** A fact, and what to do about it where that is known. */
export function noticeOf(message: string, remedy: string | undefined): Notice {
  return remedy === undefined ? { message } : { message, remedy };
}
