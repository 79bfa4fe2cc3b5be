/** Server-sent events: who reads them, what they missed, and who is too slow. */
import type { ServerResponse } from "node:http";
import type { ServerEvent } from "../api/schemas.js";
import { ClientShare } from "./client-share.js";
import { EventRing, type RingLimits } from "./event-ring.js";

/** How long a browser waits before it connects again. */
const RETRY_MS = 1000;
const HEARTBEAT = Buffer.from(": still here\n\n");

export interface StreamLimits extends RingLimits {
  readonly streamsOfClient: number;
  readonly streams: number;
  readonly streamBytes: number;
  readonly heartbeatMs: number;
}

interface Stream {
  readonly response: ServerResponse;
  /** Only events of this job. */
  readonly job: string | undefined;
}

/** All streams of a server. */
export class EventStreams {
  readonly #limits: StreamLimits;
  readonly #ring: EventRing;
  readonly #share: ClientShare;
  readonly #streams = new Set<Stream>();
  readonly #toText: (event: ServerEvent) => string;
  readonly #heartbeat: NodeJS.Timeout;

  /** @param toText an event as one line of JSON */
  constructor(limits: StreamLimits, toText: (event: ServerEvent) => string) {
    this.#limits = limits;
    this.#ring = new EventRing(limits);
    this.#share = new ClientShare("event streams", limits.streamsOfClient, limits.streams);
    this.#toText = toText;
    this.#heartbeat = setInterval(() => {
      for (const stream of this.#streams) this.#write(stream, HEARTBEAT);
    }, limits.heartbeatMs).unref();
  }

  /** Open streams. */
  get count(): number {
    return this.#streams.size;
  }

  /** Tells an event to all who read. */
  tell(event: ServerEvent): void {
    const frame = this.#ring.add(jobOf(event), this.#toText(event));
    for (const stream of this.#streams) if (concerns(stream, frame.job)) this.#write(stream, frame.bytes);
  }

  /**
   * Reserves a stream for a client.
   * @returns what begins it: on a response whose headers are set, with the events that the client has missed, or with
   *   one that says how things are
   * @throws RequestError 429 or 503 where there are too many
   */
  reserve(
    client: string,
  ): (response: ServerResponse, lastId: string | undefined, job?: string, first?: ServerEvent) => void {
    const end = this.#share.begin(client);
    return (response, lastId, job, first) => {
      const stream: Stream = { response, job };
      response.once("close", () => {
        this.#streams.delete(stream);
        end();
      });
      if (response.destroyed || response.writableEnded) return end();
      this.#streams.add(stream);
      // The id alone, so that a reader that has seen no event yet knows where it stands.
      response.write(`retry: ${RETRY_MS}\nid: ${this.#ring.lastId}\n\n`);
      if (lastId === undefined) {
        if (first !== undefined) response.write(`data: ${this.#toText(first)}\n\n`);
        return;
      }
      const missed = this.#ring.since(lastId);
      const missedBytes = (missed ?? []).reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
      if (missed === undefined || missedBytes > this.#limits.streamBytes / 2) {
        response.write(`id: ${this.#ring.lastId}\ndata: ${this.#toText({ type: "reset" })}\n\n`);
        return;
      }
      for (const frame of missed) if (concerns(stream, frame.job)) response.write(frame.bytes);
      response.write(`id: ${this.#ring.lastId}\n\n`);
    };
  }

  /** Ends all streams. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const { response } of this.#streams) response.end();
  }

  /** A reader that does not keep up is dropped: it comes back and gets what it missed, or a `reset`. */
  #write(stream: Stream, bytes: Buffer): void {
    const { response } = stream;
    if (response.writableLength + bytes.byteLength > this.#limits.streamBytes) response.destroy();
    else response.write(bytes);
  }
}

function jobOf(event: ServerEvent): string | undefined {
  if (event.type === "job") return event.job.id;
  if (event.type === "job-removed") return event.id;
  return event.type === "reset" || event.type === "farm" ? undefined : event.job;
}

function concerns({ job }: Stream, of: string | undefined): boolean {
  return job === undefined || of === undefined || job === of;
}
