import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../app-instance.ts';

type Encoding = 'br' | 'gzip';

/** A file of the page as it is sent: as it is, and compressed beforehand where that makes it smaller. */
export interface PageFile {
  /** Relative to the page, which is ''; all others have a hash of their contents in their name. */
  readonly path: string;
  readonly type: string;
  readonly bytes: Buffer;
  readonly compressed: readonly { readonly encoding: Encoding; readonly bytes: Buffer }[];
}

const FOLDER = 'page/';

/** What `src/page/build.mjs` has written into the folder. Rejects where the page was not built. */
export async function readPage(folder: string): Promise<readonly PageFile[]> {
  const list = JSON.parse(await readFile(join(folder, 'files.json'), 'utf8')) as {
    readonly path: string;
    readonly file: string;
    readonly type: string;
    readonly encodings: readonly Encoding[];
  }[];
  return Promise.all(
    list.map(async ({ path, file, type, encodings }) => ({
      path,
      type,
      bytes: await readFile(join(folder, file)),
      compressed: await Promise.all(
        encodings.map(async (encoding) => ({
          encoding,
          bytes: await readFile(join(folder, `${file}.${encoding}`)),
        })),
      ),
    })),
  );
}

/**
 * Everything comes from this server. Nothing in the page is script or style but the files that were built
 * with it.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const FOR_EVER = 'public, max-age=31536000, immutable';

/** The first of our encodings that the browser takes. */
const bestOf = ({ compressed }: PageFile, { headers }: FastifyRequest) =>
  compressed.find(({ encoding }) =>
    `${headers['accept-encoding'] ?? ''}`
      .split(',')
      .map((each) => each.trim())
      .includes(encoding),
  );

function send(file: PageFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const best = bestOf(file, request);
  reply.type(file.type).header('vary', 'Accept-Encoding');
  if (best) reply.header('content-encoding', best.encoding);
  return reply.send(best?.bytes ?? file.bytes);
}

const options = { config: { scope: 'open' }, schema: { hide: true } } as const;

/**
 * The page at `/`, where everybody begins; without files the page to try the API is the next best. It uses
 * the API as any other program does, and knows nothing that the API does not say.
 */
export function pageRoutes(app: App, files: readonly PageFile[]): void {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const page = byPath.get('');
  if (page === undefined) {
    app.get('/', options, async (_request, reply) => reply.redirect('/docs'));
    return;
  }
  app.get('/', options, (request, reply) => {
    reply.header('cache-control', 'no-cache').header('content-security-policy', POLICY);
    return send(page, request, reply);
  });
  // One route for all: their names change with each release, and routes are labels of metrics.
  app.get<{ Params: { file: string } }>(`/${FOLDER}:file`, options, (request, reply) => {
    const file = byPath.get(`${FOLDER}${request.params.file}`);
    if (file === undefined) return reply.callNotFound();
    return send(file, request, reply.header('cache-control', FOR_EVER));
  });
}
