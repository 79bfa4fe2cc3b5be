/** The framework with our schemas, as routes see it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";

/** An application whose routes are typed by zod schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse<IncomingMessage>,
  FastifyBaseLogger,
  ZodTypeProvider
>;

declare module "fastify" {
  interface FastifyContextConfig {
    /** An upload: it may take long as long as it moves. */
    longBody?: boolean;
    /** Answers without a token. */
    open?: boolean;
    /** A body that is one file, for the API's description. */
    file?: { readonly type: string; readonly description: string };
    /** Headers of a request, for the API's description; the route's own protocol checks them. */
    headers?: Readonly<Record<string, { readonly required?: boolean; readonly description: string }>>;
    /** What a multipart body holds, for the API's description; it is read part by part. */
    form?: Readonly<
      Record<string, { readonly type: "string" | "file" | "files" | "json"; readonly description: string }>
    >;
  }
}
