import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKey, digestOf, openKeyring } from '../../src/access/index.ts';
import { buildTestApp, encoded } from './build-test-app.ts';

/** Keys by their scope. */
export const keys = {
  app: createKey(),
  other: createKey(),
  admin: createKey(),
  prometheus: createKey(),
  one: createKey(),
  slow: createKey(),
  list: createKey(),
  rows: createKey(),
  blind: createKey(),
};
const ENTRIES = [
  { name: 'app', sha256: digestOf(keys.app), scopes: ['predict'], priorities: [2, 3], defaultPriority: 3 },
  { name: 'other', sha256: digestOf(keys.other), scopes: ['predict'], recipes: ['static'] },
  { name: 'admin', sha256: digestOf(keys.admin), scopes: ['admin'] },
  { name: 'prometheus', sha256: digestOf(keys.prometheus), scopes: ['metrics'] },
  { name: 'one', sha256: digestOf(keys.one), scopes: ['predict'], concurrency: 1 },
  { name: 'list', sha256: digestOf(keys.list), scopes: ['predict'], rate: { perSecond: 0.1, burst: 3 } },
  { name: 'rows', sha256: digestOf(keys.rows), scopes: ['predict'], rate: { perSecond: 0.1, burst: 3 } },
  { name: 'blind', sha256: digestOf(keys.blind), scopes: ['predict'], static: false },
  { name: 'slow', sha256: digestOf(keys.slow), scopes: ['predict'], rate: { perSecond: 0.1, burst: 2 } },
];

export const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** The test app behind these keys, and the requests that most tests send. */
export async function openGuardedApp() {
  const folder = await mkdtemp(join(tmpdir(), 'dent-guard-'));
  const file = join(folder, 'keys.json');
  await writeFile(file, JSON.stringify({ keys: ENTRIES }));
  const keyring = await openKeyring(file, { read: () => {}, failed: () => {} });
  const { app, inference, lines } = await buildTestApp({ access: keyring });
  const png = await encoded('png', [0, 255, 40]);
  return {
    app,
    inference,
    lines,
    png,
    get: (url: string, headers = {}) => app.inject({ url, headers }),
    predict: (headers: Record<string, string> = {}, url = '/v1/predict') =>
      app.inject({ method: 'POST', url, headers: { 'content-type': 'image/png', ...headers }, payload: png }),
    async close(): Promise<void> {
      await app.close();
      keyring.close();
      await rm(folder, { recursive: true });
    },
  };
}
