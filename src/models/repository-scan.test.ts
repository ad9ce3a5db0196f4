import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FoundModel, listRepository } from './repository-scan.ts';

const manifest = JSON.stringify({
  input: { width: 32, height: 32, channels: 'rgb', scale: 1 },
  labels: ['cat', 'dog'],
});

let folder: string;
let root: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-models-'));
  root = join(folder, 'models');
  await mkdir(root);
});
afterEach(() => rm(folder, { recursive: true }));

/** Reads every folder; rejects with the first that cannot be read. */
async function scanRepository(at: string): Promise<FoundModel[]> {
  const found: FoundModel[] = [];
  for (const folder of (await listRepository(at)).folders) found.push(await folder.read());
  return found;
}

const faultsOf = async (at: string): Promise<string[]> =>
  (await scanRepository(at)).flatMap(({ versions }) =>
    versions.flatMap(({ fault }) => (fault ? [fault.message] : [])),
  );

async function write(path: string, text = ''): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

it('finds models by name and versions by number, and passes over files and hidden folders', async () => {
  await write('b/model.json', manifest);
  await write('b/10/model.onnx');
  await write('b/9/model.onnx');
  await write('b/README.md');
  await write('b/.trash/x');
  await write('a/model.json', manifest);
  await write('a/1/model.onnx');
  await write('README.md');
  const found = await scanRepository(root);
  expect(found.map(({ name, versions }) => [name, versions.map(({ version }) => version)])).toEqual([
    ['a', [1]],
    ['b', [9, 10]],
  ]);
  expect(found[0]?.versions[0]?.modelPath).toBe(join(root, 'a/1/model.onnx'));
});

it('follows links that stay in the repository', async () => {
  await write('.store/model.json', manifest);
  await write('.store/1/model.onnx');
  await symlink('.store', join(root, 'a'));
  expect((await scanRepository(root)).map(({ name }) => name)).toEqual(['a']);
});

it('refuses links that lead out of the repository', async () => {
  await mkdir(join(folder, 'elsewhere'));
  await writeFile(join(folder, 'elsewhere', 'model.onnx'), '');
  await write('a/model.json', manifest);
  await mkdir(join(root, 'a', '1'));
  await symlink(join(folder, 'elsewhere', 'model.onnx'), join(root, 'a', '1', 'model.onnx'));
  expect(await faultsOf(root)).toEqual([
    `${join(root, 'a/1/model.onnx')}: this symbolic link leads out of the model repository; put the file itself there.`,
  ]);
  await rm(join(root, 'a', '1'), { recursive: true });
  await write('a/1/model.onnx');
  await symlink(join(folder, 'elsewhere', 'model.onnx'), join(root, 'a', '1', 'model.onnx.data'));
  expect(await faultsOf(root)).toEqual([
    `${join(root, 'a/1/model.onnx.data')}: this symbolic link leads out of the model repository; put the file itself there.`,
  ]);
  await rm(join(root, 'a', '1'), { recursive: true });
  await symlink(join(folder, 'elsewhere'), join(root, 'a', '1'));
  // The repository may be given by a relative path.
  const relativeRoot = `./${relative(process.cwd(), root)}/`;
  expect(await faultsOf(relativeRoot)).toEqual([expect.stringContaining('this symbolic link leads out')]);
  expect(await faultsOf(root)).toEqual([
    `${join(root, 'a/1/model.onnx')}: this symbolic link leads out of the model repository; put the file itself there.`,
  ]);
  await rm(join(root, 'a'), { recursive: true });
  await symlink(join(folder, 'elsewhere'), join(root, 'a'));
  await expect(scanRepository(root)).rejects.toThrow(`${join(root, 'a')}: this symbolic link leads out`);
});

it('says what is missing, and where', async () => {
  await expect(scanRepository(root)).rejects.toThrow(
    `${root}: this model repository holds no model; \`dent init\` adds one.`,
  );
  await expect(scanRepository(join(root, 'none'))).rejects.toThrow(
    `${join(root, 'none')}: the model repository is missing; name its folder with DENT_MODELS or --models.`,
  );
  await mkdir(join(root, 'a'));
  await expect(scanRepository(root)).rejects.toThrow(
    `${join(root, 'a/model.json')}: the manifest is missing; \`dent init\` drafts one.`,
  );
  await write('a/model.json', manifest);
  await expect(scanRepository(root)).rejects.toThrow(`${join(root, 'a')}: there is no version`);
  await mkdir(join(root, 'a', '1'));
  expect(await faultsOf(root)).toEqual([
    `${join(root, 'a/1/model.onnx')}: the model is missing; put the ONNX file there.`,
  ]);
});

it('takes a link that leads nowhere for a model that is missing, and not for none', async () => {
  await symlink('gone', join(root, 'a'));
  await expect(scanRepository(root)).rejects.toThrow(
    `${join(root, 'a')}: this link is missing; have it lead to a folder, or remove it.`,
  );
});

it('says what the model is called in the place of model.onnx', async () => {
  await write('a/model.json', manifest);
  await write('a/1/resnet18.onnx');
  expect(await faultsOf(root)).toEqual([
    `${join(root, 'a/1/model.onnx')}: the model is missing; there is resnet18.onnx, which must be called model.onnx.`,
  ]);
});

it("names the folder around where a model's folder is named for the repository", async () => {
  await write('a/model.json', manifest);
  await write('a/1/model.onnx');
  await expect(listRepository(join(root, 'a'))).rejects.toThrow(
    `${join(root, 'a')}: this is the folder of a model; the model repository is the folder around it.`,
  );
  // A stray manifest beside the models does not keep them from serving.
  await write('model.json', manifest);
  expect((await scanRepository(root)).map(({ name }) => name)).toEqual(['a']);
});

it('reads a repository behind a link whose end has no name here', async (test) => {
  await write('.elsewhere/a/model.json', manifest);
  await write('.elsewhere/a/1/model.onnx');
  const [hidden, copy] = [join(folder, 'hidden'), join(root, '.elsewhere', '.')];
  await mkdir(hidden);
  // The root of another container looks like this: a mount that this process does not have.
  const script = 'mount -t tmpfs none "$0" && cp -r "$1" "$0/models" && echo there && exec sleep 300';
  const other = spawn('unshare', ['--map-root-user', '--mount', 'sh', '-c', script, hidden, copy]);
  try {
    const [said] = await Promise.race([
      once(other.stdout, 'data'),
      once(other, 'exit'),
      once(other, 'error'),
    ]);
    if (String(said) !== 'there\n')
      test.skip('This machine gives its users no mounts of their own (unshare).');
    const link = join(folder, 'link');
    await symlink(join(`/proc/${other.pid}/root`, hidden, 'models'), link);
    expect((await scanRepository(link)).map(({ name }) => name)).toEqual(['a']);
    expect(await faultsOf(link)).toEqual([]);
  } finally {
    other.kill('SIGKILL');
  }
});

it('stamps a folder anew whenever something of it may have changed, and only then', async () => {
  await write('a/model.json', manifest);
  await write('a/1/model.onnx', 'one');
  const stamps: string[] = [];
  const stamp = async () => stamps.push((await listRepository(root)).folders[0]!.stamp);
  await stamp();
  await write('a/1/model.onnx', 'two');
  await stamp();
  const { mtime } = await stat(join(root, 'a/1/model.onnx'));
  await write('a/.new', 'six');
  await utimes(join(root, 'a/.new'), mtime, mtime);
  await rename(join(root, 'a/.new'), join(root, 'a/1/model.onnx'));
  await stamp();
  await write('a/model.json', `${manifest} `);
  await stamp();
  await write('a/2/model.onnx', 'one');
  await stamp();
  await rm(join(root, 'a/1'), { recursive: true });
  await stamp();
  await write('a/2/weights/layer1.bin', 'one');
  await stamp();
  expect(new Set(stamps).size).toBe(7);
  await write('a/README.md', 'A file that nobody reads.');
  await stamp();
  expect(stamps.at(-1)).toBe(stamps.at(-2));
});

it('passes over folders that are no version, and says so', async () => {
  await write('a/model.json', manifest);
  await write('a/1/model.onnx');
  const strays = ['01', '0', '1.5', '@eaDir', 'backup', 'configs', 'lost+found', 'v1'].sort();
  for (const stray of strays) await write(`a/${stray}/model.onnx`);
  await symlink('model.json', join(root, 'a', 'manifest'));
  const [found] = await scanRepository(root);
  expect(found?.versions.map(({ version }) => version)).toEqual([1]);
  expect(found?.passedOver).toEqual(
    strays.map((name) => ({ path: join(root, 'a', name), reason: expect.stringContaining('whole number') })),
  );
  await rm(join(root, 'a/1'), { recursive: true });
  await expect(scanRepository(root)).rejects.toThrow(`is a whole number, unlike ${strays.join(', ')}.`);
});

it('takes what storage systems put beside the models for none', async () => {
  await write('a/model.json', manifest);
  await write('a/1/model.onnx');
  for (const stray of ['lost+found', '@eaDir', '$RECYCLE.BIN']) await write(`${stray}/x`);
  const { folders, passedOver } = await listRepository(root);
  expect(folders.map(({ name }) => name)).toEqual(['a']);
  expect(passedOver.map(({ path }) => path)).toEqual(
    ['$RECYCLE.BIN', '@eaDir', 'lost+found'].map((name) => join(root, name)),
  );
});

it('tells all that is wrong with a folder at once', async () => {
  await write('a b/model.json', '{"input": {}, "labels": "names.txt", "lables": []}');
  const [folder] = (await listRepository(root)).folders;
  const path = join(root, 'a b');
  const field = (sentence: string) => expect.stringContaining(`${path}/model.json: ${sentence}`);
  await expect(folder!.read()).rejects.toMatchObject({
    faults: [
      expect.stringContaining(`${path}: a model's name has letters`),
      field('there is no field "lables"; the fields here are description, input, '),
      field('the field "input.width" is missing.'),
      field('the field "input.height" is missing.'),
      field('the field "input.channels" is missing.'),
      field('the field "input.scale" is missing.'),
      field('the field "labels" must be a list.'),
      expect.stringContaining(`${path}: there is no version`),
    ],
  });
});

it('reads a manifest with a byte order mark, and names one in another encoding', async () => {
  await write('a/1/model.onnx');
  await write('a/model.json', `\uFEFF${manifest}`);
  expect((await scanRepository(root))[0]?.manifest.labels).toEqual(['cat', 'dog']);
  await writeFile(join(root, 'a/model.json'), `\uFEFF${manifest}`, 'utf16le');
  await expect(scanRepository(root)).rejects.toThrow(
    `${join(root, 'a/model.json')}: the manifest cannot be read, it is no UTF-8 text.`,
  );
});

it('refuses a model name that does not fit a URL', async () => {
  await write('a b/model.json', manifest);
  await expect(scanRepository(root)).rejects.toThrow(`${join(root, 'a b')}: a model's name has letters`);
});
