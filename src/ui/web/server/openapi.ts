/** The description of the API (OpenAPI 3.1), made from the schemas that check requests. */
import swagger from "@fastify/swagger";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import type { FastifyInstance } from "fastify";
import { VERSION } from "../../../core/version.js";

type Described = Pick<import("fastify").FastifyContextConfig, "form" | "file" | "headers">;
type Form = NonNullable<Described["form"]>;

const toJsonSchema = createJsonSchemaTransform({});
const toComponents = createJsonSchemaTransformObject({});

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
      const { config } = given.route as { config?: Described };
      if (config?.form !== undefined) schema["body"] = formSchema(config.form);
      if (config?.file !== undefined)
        schema["body"] = { type: "string", format: "binary", description: config.file.description };
      if (config?.headers !== undefined) schema["headers"] = headersSchema(config.headers);
      return { schema: schema as never, url };
    },
    transformObject: (given) => tidy(toComponents(given)) as never,
  });
}

interface Description {
  paths?: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, unknown> };
}

interface Operation {
  operationId?: string;
  requestBody?: { required?: boolean };
  responses?: Record<string, { description?: string }>;
}

const REFERENCE = /#\/components\/schemas\/([\w.-]+)/g;
/** What the plugin calls an answer that has no description. */
const UNDESCRIBED = "Default Response";
/** Calls whose body may be left out. */
const OPTIONAL_BODIES: ReadonlySet<string> = new Set([
  "jobs",
  "start",
  "pause",
  "resume",
  "retry",
  "again",
  "cancel",
  "approve",
  "reject",
]);

/** Leaves out what nothing names, says each schema once, and which bodies may be left out. */
function tidy(document: object): object {
  const { schemas = {} } = (document as Description).components ?? {};
  const isDouble = (name: string): boolean => {
    const base = name.replace(/Input$/, "");
    return base !== name && base in schemas && plain(schemas[base]) === plain(schemas[name]);
  };
  const text = JSON.stringify(document).replaceAll(REFERENCE, (reference, name: string) =>
    isDouble(name) ? reference.replace(/Input$/, "") : reference,
  );
  const tidied = JSON.parse(text) as Description;
  const used = namesIn(tidied.paths, (name) => tidied.components?.schemas?.[name]);
  const kept = Object.entries(tidied.components?.schemas ?? {}).filter(([name]) => used.has(name));
  tidied.components = { ...tidied.components, schemas: Object.fromEntries(kept) };
  for (const [path, operations] of Object.entries(tidied.paths ?? {}))
    for (const operation of Object.values(operations)) {
      const call = path.split("/").at(-1)!;
      // The plugin marks what it takes for the twin of a GET.
      if (operation.operationId) operation.operationId = operation.operationId.replace(/-head$/, "");
      if (operation.requestBody && OPTIONAL_BODIES.has(call)) operation.requestBody.required = false;
      for (const answer of Object.values(operation.responses ?? {}))
        if (answer.description === UNDESCRIBED) answer.description = "done";
    }
  return tidied;
}

/** A schema as text in which input and output forms of the schemas that it names are the same. */
function plain(schema: unknown): string {
  return JSON.stringify(schema).replaceAll(/Input"/g, '"');
}

/** Names of the schemas that are used, also by schemas that are used. */
function namesIn(value: unknown, schemaOf: (name: string) => unknown, found = new Set<string>()): Set<string> {
  for (const [, name] of JSON.stringify(value ?? {}).matchAll(REFERENCE)) {
    if (found.has(name!)) continue;
    found.add(name!);
    namesIn(schemaOf(name!), schemaOf, found);
  }
  return found;
}

function headersSchema(headers: NonNullable<Described["headers"]>): object {
  const names = Object.keys(headers);
  return {
    type: "object",
    properties: Object.fromEntries(
      names.map((name) => [name, { type: "string", description: headers[name]!.description }]),
    ),
    required: names.filter((name) => headers[name]!.required),
  };
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
