import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedisServer } from '../../test/fixtures/redis/redis-server.ts';
import { crops } from '../../test/fixtures/serving/photos.ts';
import {
  postImage,
  type Running,
  startDent,
  writeRepository,
} from '../../test/fixtures/serving/processes.ts';
import { DASHBOARDS } from '../dashboards/index.ts';
import {
  objectionsTo,
  type Prometheus,
  requirePrometheus,
  type Series,
  startPrometheus,
} from './prometheus.ts';

const RECIPES = {
  static: { preset: 'static' },
  isolated: { preset: 'isolated', steps: 2 },
  longer: { preset: 'isolated', steps: 6 },
  /** Falls back in batches as small as the ones here. */
  coupled: { preset: 'dent+', steps: 2, small: 'static' },
};
const LOAD_MS = 20_000;
/** More than Grafana would use for scrapes a second apart, because the machine may be busy. */
const RATE_INTERVAL = '15s';

/** Panels that are empty in a deployment, and why. */
const EMPTY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  memory: { 'Reaches Redis': 'there is no Redis' },
  redis: {
    'API processes, by process': 'there is one',
    'API processes lost': 'there is one',
  },
};

let folder: string;
let redis: RedisServer;
let running: Running[] = [];
let prometheus: Prometheus;
/** The end of the load, in seconds since the epoch. All tests look at this moment. */
let at: number;

/** Posts every kind of request, one after the other, until the time is over. */
async function load(
  server: Running,
  images: readonly Uint8Array<ArrayBuffer>[],
  untilMs: number,
): Promise<void> {
  for (let i = 0; Date.now() < untilMs; i++) {
    const recipes = Object.keys(RECIPES);
    const recipe = recipes[i % recipes.length];
    const image = i % 7 === 6 ? new Uint8Array([1, 2, 3]) : images[i % images.length]!;
    const answer = await postImage(server, image, `?recipe=${recipe}`);
    await answer.arrayBuffer();
  }
}

beforeAll(async () => {
  await requirePrometheus();
  folder = await mkdtemp(join(tmpdir(), 'dent-dashboards-'));
  await writeRepository(join(folder, 'models'), {
    recipes: RECIPES,
    batching: { maxBatchSize: 8, maxDelayMs: 20, timeoutMs: 30_000 },
  });
  redis = await startRedisServer();
  const env = {
    DENT_MODELS: join(folder, 'models'),
    DENT_CACHE_DIR: join(folder, 'cache'),
    DENT_REDIS_URL: redis.url,
  };
  // The first compiles for the others.
  const alone = await startDent(['serve', '--threads', '1', '--processes', '2'], env);
  const [api, worker] = await Promise.all([
    startDent(['serve', '--queue', 'redis'], env),
    startDent(['worker', '--threads', '1'], env),
  ]);
  running = [alone, api!, worker!];
  const rules = new URL('../../helm/dent-serve/rules/*.yaml', import.meta.url);
  prometheus = await startPrometheus(
    [
      { job: 'dent-serve', namespace: 'memory', urls: [alone.url] },
      { job: 'dent-api', namespace: 'redis', urls: [api!.url] },
      { job: 'dent-worker', namespace: 'redis', urls: [worker!.url] },
    ],
    [fileURLToPath(rules)],
  );
  const images = await crops(8);
  // Scrapes before the first request, as in life.
  await pause(3000);
  const untilMs = Date.now() + LOAD_MS;
  const clients = [alone, api!].flatMap((server) => [1, 2, 3].map(() => load(server, images, untilMs)));
  await Promise.all(clients);
  at = Date.now() / 1000;
  // One more scrape, to have seen everything.
  await pause(1500);
}, 180_000);
afterAll(async () => {
  await prometheus?.stop();
  for (const each of running) each.process.kill('SIGINT');
  await Promise.all(running.map(({ exit }) => exit));
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

type Target = { readonly expr: string; readonly instant?: boolean };

/**
 * The answer to a panel's query as Grafana asks it, with all variables except the namespace at their
 * defaults.
 */
function ask({ expr, instant }: Target, namespace: string): Promise<Series[]> {
  const filled = expr
    .replaceAll('$__rate_interval', RATE_INTERVAL)
    .replaceAll('$__range', '1m')
    .replaceAll('$namespace', namespace)
    .replaceAll(/\$(job|model|recipe)/g, '.*');
  return instant ? prometheus.query(filled, at) : prometheus.queryRange(filled, at, 20);
}

const hasNumber = ({ values }: Series): boolean => values.some((value) => !Number.isNaN(value));

describe.each(['memory', 'redis'])('with the queue in %s', (namespace) => {
  describe.each(Object.entries(DASHBOARDS))('the dashboard %s', (_name, dashboard) => {
    const panels = (dashboard.panels as Panel[]).filter(({ type }) => type !== 'row');

    it.each(panels.map((panel) => [panel.title!, panel] as const))(
      'answers: %s',
      async (title, { targets = [] }) => {
        for (const target of targets as unknown as Target[]) {
          const series = await ask(target, namespace);
          if (EMPTY[namespace]![title] !== undefined) expect(series, target.expr).toEqual([]);
          else expect(series.filter(hasNumber).length, target.expr).toBeGreaterThan(0);
        }
      },
    );
  });

  it('tells what a step costs and buys', async () => {
    const seconds = async (steps: number): Promise<number> => {
      const duration = `dent_adapt_duration_seconds`;
      const labels = `{namespace="${namespace}", steps="${steps}"}`;
      const [mean] = await prometheus.query(
        `sum(increase(${duration}_sum${labels}[1m])) / sum(increase(${duration}_count${labels}[1m]))`,
        at,
      );
      return mean!.values[0]!;
    };
    expect(await seconds(2)).toBeGreaterThan(await seconds(0));
    expect(await seconds(6)).toBeGreaterThan(await seconds(2));
    const bought = async (recipe: string): Promise<number> => {
      const query = `namespace_model_recipe:dent_entropy_nats:bought_mean5m{namespace="${namespace}", recipe="${recipe}"}`;
      return (await prometheus.query(query, at))[0]!.values[0]!;
    };
    expect(await bought('static')).toBeCloseTo(0, 3);
    expect(await bought('longer')).toBeGreaterThan(await bought('isolated'));
  });
});

it('promtool objects to no metric of any process', async () => {
  expect(await objectionsTo('# TYPE dent_rows_total gauge\ndent_rows_total 1\n')).toContain(
    'dent_rows_total',
  );
  for (const { url } of running) {
    const scrape = await (await fetch(new URL('/metrics', url))).text();
    expect(scrape).toContain('dent_ready 1');
    expect(await objectionsTo(scrape)).toBe('');
  }
});

it('every rule can be evaluated, and nothing is alarming', async () => {
  const rules = await prometheus.ruleHealth();
  expect(rules.length).toBeGreaterThan(30);
  for (const { name, health } of rules) expect(health, name).toBe('ok');
  const firing = rules.filter(({ state }) => state === 'firing');
  expect(firing).toEqual([]);
});
