interface Schema {
  properties?: Record<string, unknown>;
  readonly required?: readonly string[];
}
type Operations = Record<
  string,
  { requestBody?: { content?: Record<string, { schema?: { $ref?: string } }> } }
>;

/**
 * The document with forms of the required fields alone. A page to try the API fills in every other field with
 * a sample of its own, and sends it: a recipe called "string", a deadline after a millisecond. The query has
 * the same options.
 */
export function withPlainForms<D extends { paths?: unknown; components?: unknown }>(document: D): D {
  const copy = structuredClone(document);
  const { schemas = {} } = (copy.components ?? {}) as { schemas?: Record<string, Schema> };
  for (const operations of Object.values((copy.paths ?? {}) as Record<string, Operations>)) {
    for (const { requestBody } of Object.values(operations)) {
      const name = requestBody?.content?.['multipart/form-data']?.schema?.$ref?.split('/').at(-1);
      const form = name === undefined ? undefined : schemas[name];
      if (form?.properties === undefined) continue;
      const required = Object.entries(form.properties).filter(([field]) => form.required?.includes(field));
      form.properties = Object.fromEntries(required);
    }
  }
  return copy;
}
