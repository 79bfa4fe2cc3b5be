/** Headers that keep the page to itself: nothing from elsewhere, nothing inline, no frames, no referrer. */
import helmet from "@fastify/helmet";
import type { FastifyInstance } from "fastify";

/** Adds them to every answer. */
export function securityHeaders(app: FastifyInstance): void {
  void app.register(helmet, {
    global: true,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        // Pictures that are shown before they are uploaded.
        imgSrc: ["'self'", "blob:"],
        connectSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    crossOriginResourcePolicy: { policy: "same-origin" },
    crossOriginOpenerPolicy: { policy: "same-origin" },
    referrerPolicy: { policy: "no-referrer" },
    xFrameOptions: { action: "deny" },
    // The server speaks HTTP; whoever puts TLS before it decides about that.
    strictTransportSecurity: false,
  });
}
