import { fileURLToPath } from 'node:url';
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../config.ts';
import { type PageFile, readPage } from '../http/index.ts';

/** Where the build puts it, seen from the source and from what the build makes of it. */
const FOLDER = fileURLToPath(new URL('../../dist/page', import.meta.url));

/** The files of the page, which are few and small; none where it is off. */
export async function openPage({ page }: Config, log: FastifyBaseLogger): Promise<readonly PageFile[]> {
  if (page === 'off') return [];
  try {
    return await readPage(FOLDER);
  } catch (error) {
    log.warn({ err: error }, 'the page at / was not built, so / leads to /docs; "npm run build" builds it');
    return [];
  }
}
