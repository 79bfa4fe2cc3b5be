/** The description of the API (OpenAPI 3.1), made from the schemas that check requests. */
import swagger from "@fastify/swagger";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import type { FastifyInstance } from "fastify";
import { VERSION } from "../../../core/version.js";

type Form = NonNullable<import("fastify").FastifyContextConfig["form"]>;

const toJsonSchema = createJsonSchemaTransform({});

/** Adds the description; `app.swagger()` gives it. Comes before the routes. */
export function describeApi(app: FastifyInstance): void {
  void app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "cobra-batch",
        version: VERSION,
        description: "Colours chapters of comic line art. Errors are problems (RFC 9457) with a stable code.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: "/" }],
      components: {
        securitySchemes: { token: { type: "http", scheme: "bearer", description: "where the server has a token" } },
      },
      security: [{ token: [] }, {}],
    },
    transform: (given) => {
      const { schema, url } = toJsonSchema(given as never) as { schema: Record<string, unknown>; url: string };
      const { config } = given.route as { config?: { form?: Form; file?: { type: string; description: string } } };
      if (config?.form !== undefined) schema["body"] = formSchema(config.form);
      if (config?.file !== undefined)
        schema["body"] = { type: "string", format: "binary", description: config.file.description };
      return { schema: schema as never, url };
    },
    transformObject: createJsonSchemaTransformObject({}),
  });
}

function formSchema(form: Form): object {
  const file = { type: "string", format: "binary" };
  return {
    type: "object",
    properties: Object.fromEntries(
      Object.entries(form).map(([name, { type, description }]) => [
        name,
        type === "file"
          ? { ...file, description }
          : type === "files"
            ? { type: "array", items: file, description }
            : { type: "string", description },
      ]),
    ),
  };
}
