/** Limits of the server, for one client and in all. Everything that a client can make large has its limit here. */

/** Limits of the server; see `DEFAULT_LIMITS`. */
export interface ServerLimits {
  /** Bytes of a JSON body. */
  readonly jsonBytes: number;
  /** Bytes of one uploaded file. */
  readonly uploadBytes: number;
  /** Bytes of one picture in a request: a page, a reference, hints. */
  readonly pageBytes: number;
  /** Bytes of all pictures of one request. */
  readonly requestBytes: number;
  /** References of one `POST /colorize`. */
  readonly references: number;
  /** Calls of `POST /colorize` at once; each holds its pictures in memory. */
  readonly colorizeCalls: number;
  /** Files of one `POST …/files`. */
  readonly filesOfRequest: number;
  /** Uploads that a client sends at once, and all clients together. */
  readonly uploadsOfClient: number;
  readonly uploads: number;
  /** Unfinished uploads that are kept to be resumed. */
  readonly keptUploads: number;
  /** An unfinished upload is removed after so many milliseconds. */
  readonly uploadExpiryMs: number;
  /** Event streams of a client, and of all clients together. */
  readonly streamsOfClient: number;
  readonly streams: number;
  /** A stream whose reader leaves more bytes unread is closed. */
  readonly streamBytes: number;
  /** Events that are kept for readers that come back. */
  readonly keptEvents: number;
  readonly keptEventBytes: number;
  /** Between two signs of life on a stream without events, in milliseconds. */
  readonly heartbeatMs: number;
  /** Connections of a client, and of all clients together; what comes beyond is closed without an answer. */
  readonly connectionsOfClient: number;
  readonly connections: number;
  /** The head of a request has to come within so many milliseconds. */
  readonly headMs: number;
  /** So has a body that is no upload. */
  readonly bodyMs: number;
  /** A body has to grow by `slowBytes` in each `slowMs` milliseconds. */
  readonly slowBytes: number;
  readonly slowMs: number;
  /** A download has to move within so many milliseconds. */
  readonly stalledMs: number;
  /** Bytes of the disk that uploads leave free. */
  readonly freeBytes: number;
  /** Bytes of the thumbnails that are kept on disk. */
  readonly thumbnailBytes: number;
  /** Requests for thumbnails that may wait. */
  readonly thumbnailsWaiting: number;
  /** Wrong tokens that a client may send in a minute. */
  readonly wrongTokens: number;
}

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** What a server has that is told nothing else. */
export const DEFAULT_LIMITS: ServerLimits = {
  jsonBytes: MiB,
  uploadBytes: 16 * GiB,
  pageBytes: 64 * MiB,
  requestBytes: 256 * MiB,
  references: 32,
  colorizeCalls: 4,
  filesOfRequest: 1000,
  uploadsOfClient: 16,
  uploads: 64,
  keptUploads: 10_000,
  uploadExpiryMs: 3 * 24 * 3600 * 1000,
  streamsOfClient: 64,
  streams: 256,
  streamBytes: MiB,
  keptEvents: 4096,
  keptEventBytes: 8 * MiB,
  heartbeatMs: 15_000,
  connectionsOfClient: 512,
  connections: 1024,
  headMs: 10_000,
  bodyMs: 60_000,
  slowBytes: 8192,
  slowMs: 30_000,
  stalledMs: 60_000,
  freeBytes: 256 * MiB,
  thumbnailBytes: 512 * MiB,
  thumbnailsWaiting: 4096,
  wrongTokens: 20,
};
