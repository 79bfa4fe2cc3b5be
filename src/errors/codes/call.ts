/** Error codes of calls: requests to the web server, configuration, usage, and bugs. */
import type { ErrorFacts } from "./error-facts.js";

const REPORT = "report it, with the output of the same command with --verbose";
const MISUSE = "correct the call; the message names the value and the rule";

export const CALL_ERRORS = {
  // the web server
  ERR_LISTEN: {
    group: "server",
    when: "the web server cannot bind to its address or port",
    className: "ResourceError",
    scope: "process",
    retryable: "no",
    exitCode: 1,
    remedy: "choose another --port or --host, or stop the program that uses it; `--port 0` takes any free port",
  },
  ERR_ACCESS: {
    group: "server",
    when: "a request lacks the token, names another host, or comes from a page of another site",
    className: "BatchProcessingError",
    scope: "request",
    retryable: "no",
    exitCode: 1,
    remedy: "open the address that the server has printed, or send its token as `Authorization: Bearer`",
  },
  ERR_REQUEST: {
    group: "server",
    when: "the web server cannot answer a request: its address, method, media type or form is not supported",
    className: "BatchProcessingError",
    scope: "request",
    retryable: "no",
    exitCode: 1,
    remedy: "correct the request; docs/http-api.md and /api/v1/openapi.json describe all requests",
  },
  ERR_REQUEST_LIMIT: {
    group: "server",
    when: "a request or an upload is larger than the web server accepts",
    className: "BatchProcessingError",
    scope: "request",
    retryable: "no",
    exitCode: 1,
    remedy: "send less at once; GET /api/v1/server lists the limits",
  },

  // the farm
  ERR_QUEUE_CONNECTION: {
    group: "farm",
    when: "the queue of the farm does not answer",
    className: "ResourceError",
    scope: "batch",
    retryable: "yes",
    exitCode: 75,
    remedy:
      "check that Redis runs at the address of --queue and can be reached from here, then run the same command again",
  },
  ERR_STORE_CONNECTION: {
    group: "farm",
    when: "the store of the farm does not answer, or not as it should",
    className: "ResourceError",
    scope: "batch",
    retryable: "yes",
    exitCode: 75,
    remedy:
      "check that `cobra-batch store` runs at the address of --store and can be reached from here, then run the same command again",
  },
  ERR_STORE_LIMIT: {
    group: "farm",
    when: "a file is larger than the store of the farm takes",
    className: "ResourceError",
    scope: "page",
    retryable: "no",
    exitCode: 1,
    remedy: "make the file smaller, or start `cobra-batch store` with a larger --max-bytes",
  },
  ERR_QUEUE_JOB: {
    group: "farm",
    when: "a job of the farm's queue does not exist, is queued already, or has lost a page",
    className: "QueueError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: "look at `cobra-batch queue list`; submit the chapter again if it is gone",
  },

  ERR_NOT_ON_FARM: {
    group: "farm",
    when: "something is asked of a server with `--queue` that needs an engine of its own",
    className: "BatchProcessingError",
    scope: "request",
    retryable: "no",
    exitCode: 1,
    remedy: "ask a `cobra-batch serve` without `--queue`",
  },

  // configuration, usage
  ERR_CONFIG: {
    group: "usage",
    when: "a configuration value is unknown or breaks a rule",
    className: "ConfigurationError",
    scope: "batch",
    retryable: "no",
    exitCode: 64,
    remedy: "correct the setting; the message names the value and the rule",
  },
  ERR_QUEUE_FULL: {
    group: "usage",
    when: "the queue is full: as many calls are unfinished as are allowed",
    className: "QueueError",
    scope: "page",
    retryable: "yes",
    exitCode: 75,
    remedy: "wait for earlier calls and call again, or raise maxQueued",
  },
  ERR_ARGUMENT: {
    group: "usage",
    when: "an argument of a public function breaks a rule",
    className: "ValidationError",
    scope: "page",
    retryable: "no",
    exitCode: 64,
    remedy: MISUSE,
  },
  ERR_STATE: {
    group: "usage",
    when: "a call is not possible in the object's present state",
    className: "BatchProcessingError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: "correct the order of the calls; the message names the state",
  },
  ERR_JOB_NOT_FOUND: {
    group: "usage",
    when: "a job of the web server, or a picture of a job, does not exist",
    className: "ValidationError",
    scope: "request",
    retryable: "no",
    exitCode: 1,
    remedy: "list the jobs, or the job's pictures, and name one of them",
  },

  // last resort
  ERR_INTERNAL: {
    group: "bug",
    when: "a bug in the engine",
    className: "BatchProcessingError",
    scope: "batch",
    retryable: "no",
    exitCode: 1,
    remedy: REPORT,
  },
} as const satisfies Record<string, ErrorFacts>;
