import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const HEAD = '// Written by `npm run client` from openapi.yaml. Do not edit.\n\n';

/** The types of the API, from the OpenAPI document at `url`. Bytes have the types that `fetch` sends. */
export async function generateSchema(url: URL): Promise<string> {
  const nodes = await openapiTS(url, {
    transform: ({ format }) => (format === 'binary' ? ts.factory.createTypeReferenceNode('Blob') : undefined),
  });
  return HEAD + astToString(nodes);
}
