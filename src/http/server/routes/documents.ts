import swaggerUi from '@fastify/swagger-ui';
import type { ModelSummary } from '../../../inference/inference.ts';
import { emptyAnswer } from '../answers.ts';
import type { App } from '../app-instance.ts';
import { openapiYaml } from '../openapi.ts';
import { withPlainForms } from '../plain-forms.ts';
import { withChoices } from '../served-choices.ts';

const YAML_TYPE = 'application/yaml';

/** The OpenAPI document. */
export function documentRoutes(app: App): void {
  let yaml = '';
  app.addHook('onReady', async () => {
    yaml = openapiYaml(app);
  });
  app.get(
    '/openapi.yaml',
    {
      config: { scope: 'open' },
      schema: {
        operationId: 'openapi',
        summary: 'This document',
        tags: ['operations'],
        // Without a schema: generators of clients warn about types of answers that they cannot read.
        response: { 200: emptyAnswer(`The document, as ${YAML_TYPE}.`) },
      },
    },
    async (_request, reply) => reply.type(YAML_TYPE).send(yaml),
  );
}

/**
 * Swagger UI needs these and no more. It styles its elements in place, and the images of requests and answers
 * are blobs.
 */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "font-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** What Swagger UI hands to a plugin, as far as ours uses it. */
interface SwaggerSystem {
  readonly oas3Actions: { setRequestBodyValue(body: { value: undefined; pathMethod: unknown }): void };
}
type SetContentType = (chosen: { readonly pathMethod: unknown }) => unknown;
declare const SwaggerUIBundle: { readonly plugins: { readonly DownloadUrl: unknown } };

/**
 * Runs in the browser: the page has the text of this function. Swagger UI keeps a body that somebody has
 * entered when another type of body is chosen, and makes nonsense of it: "{}" of a file. With this a body
 * begins anew. The list replaces that of @fastify/swagger-ui, which has the one other plugin.
 */
const plugins = () => [
  SwaggerUIBundle.plugins.DownloadUrl,
  {
    statePlugins: {
      oas3: {
        wrapActions: {
          setRequestContentType:
            (original: SetContentType, { oas3Actions }: SwaggerSystem): SetContentType =>
            (chosen) => {
              oas3Actions.setRequestBodyValue({ value: undefined, pathMethod: chosen.pathMethod });
              return original(chosen);
            },
        },
      },
    },
  },
];

/**
 * The page to read and try the API. It is complete: it loads nothing from elsewhere. It offers the names of
 * `models` and their recipes, so pass none where not everybody may know them.
 */
export async function docsPage(app: App, models: () => readonly ModelSummary[]): Promise<void> {
  await app.register(async (page) => {
    page.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope: 'open' };
    });
    await page.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: PAGE_POLICY,
      // Without the bar for the address of another document.
      uiConfig: {
        layout: 'BaseLayout',
        tryItOutEnabled: true,
        displayRequestDuration: true,
        // A function that makes plugins is one, too; the types know only finished ones.
        plugins: [plugins as never],
      },
      theme: { title: 'dent-serve' },
      transformSpecification: (document) => withPlainForms(withChoices(document, models())),
      transformSpecificationClone: false,
    });
  });
}
