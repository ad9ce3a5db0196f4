import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const HEAD = '// Written by `npm run client` from openapi.yaml. Do not edit.\n\n';

/** The types of the API, as the OpenAPI document at `url` describes it. Bytes are what `fetch` sends as such. */
export async function generateSchema(url: URL): Promise<string> {
  const nodes = await openapiTS(url, {
    transform: ({ format }) => (format === 'binary' ? ts.factory.createTypeReferenceNode('Blob') : undefined),
  });
  return HEAD + astToString(nodes);
}
