import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { freePort } from '../../test/fixtures/redis/redis-server.ts';

export const run = promisify(execFile);

const isInstalled = (program: string): Promise<boolean> =>
  run(program, ['--version']).then(
    () => true,
    () => false,
  );

/** Throws where Prometheus or its promtool are not on PATH. */
export async function requirePrometheus(): Promise<void> {
  if ((await isInstalled('promtool')) && (await isInstalled('prometheus'))) return;
  throw new Error('These tests need prometheus and promtool on PATH: `apt-get install prometheus`.');
}

/** The objections of `promtool check metrics` to a scrape. Empty where there are none. */
export async function objectionsTo(scrape: string): Promise<string> {
  const child = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(scrape);
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return output + errors;
}

/** Processes to scrape, with the labels that their series get. */
export interface Targets {
  readonly job: string;
  readonly namespace: string;
  readonly urls: readonly string[];
}

/** One series of an answer: its labels and its values, oldest first. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly number[];
}

interface ApiResult {
  readonly metric: Record<string, string>;
  readonly value?: [number, string];
  readonly values?: [number, string][];
}

export interface Prometheus {
  /** As it was at that time, in seconds since the epoch. */
  query(expr: string, at: number): Promise<Series[]>;
  /** Over the `seconds` before that time, second by second. */
  queryRange(expr: string, at: number, seconds: number): Promise<Series[]>;
  /** Each rule's name and whether it can be evaluated. */
  ruleHealth(): Promise<{ readonly name: string; readonly health: string; readonly state?: string }[]>;
  stop(): Promise<void>;
}

/** A real Prometheus of a test's own, which scrapes every second. */
export async function startPrometheus(
  targets: readonly Targets[],
  rules: readonly string[],
): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: rules,
    scrape_configs: targets.map(({ job, namespace, urls }) => ({
      job_name: job,
      static_configs: [{ targets: urls.map((url) => new URL(url).host), labels: { namespace } }],
    })),
  };
  const file = join(folder, 'prometheus.yml');
  await writeFile(file, stringify(config));
  const port = await freePort();
  const child = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const base = `http://127.0.0.1:${port}`;

  async function get<T>(path: string, parameters: Record<string, string> = {}): Promise<T> {
    const response = await fetch(`${base}${path}?${new URLSearchParams(parameters)}`);
    const { data, error } = (await response.json()) as { data: T; error?: string };
    if (error !== undefined) throw new Error(`${error}: ${parameters.query}`);
    return data;
  }
  const seriesOf = ({ result }: { result: ApiResult[] }): Series[] =>
    result.map(({ metric, value, values = [value!] }) => ({
      labels: metric,
      values: values.map(([, text]) => Number(text)),
    }));

  for (let tries = 0; ; tries++) {
    const ready = await fetch(`${base}/-/ready`).catch(() => undefined);
    if (ready?.ok) break;
    if (tries === 200 || child.exitCode !== null) throw new Error('prometheus did not start.');
    await pause(50);
  }
  return {
    query: async (query, at) => seriesOf(await get('/api/v1/query', { query, time: String(at) })),
    async queryRange(query, at, seconds) {
      const range = { start: String(at - seconds), end: String(at), step: '1' };
      return seriesOf(await get('/api/v1/query_range', { query, ...range }));
    },
    async ruleHealth() {
      type Group = { rules: { name: string; health: string; state?: string }[] };
      const { groups } = await get<{ groups: Group[] }>('/api/v1/rules');
      return groups.flatMap((group) => group.rules);
    },
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
