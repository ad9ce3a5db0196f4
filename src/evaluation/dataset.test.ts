import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inputOf, solid } from '../../test/images/pictures.ts';
import { createImageDecoder } from '../images/index.ts';
import { checkImages, chooseImages, findImages, readBatch } from './dataset.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dent-labelled-'));
});
afterEach(() => rm(dir, { recursive: true }));

const decoder = createImageDecoder({ maxPixels: 1e6 });
const input = inputOf(2, 2);

async function write(path: string, content: Uint8Array | string = ''): Promise<void> {
  await mkdir(dirname(join(dir, path)), { recursive: true });
  await writeFile(join(dir, path), content);
}

const png = (value: number): Promise<Buffer> => solid(2, 2, [value, value, value]).png().toBuffer();

const PETS = { labels: ['cat', 'dog', 'mouse'], classes: 3 };
const found = async (names: Parameters<typeof findImages>[1] = PETS) => {
  const { files, notes } = await findImages(dir, names);
  return { files: files.map(({ path, label }) => `${path.slice(dir.length + 1)}=${label}`), notes };
};

describe('folders of classes', () => {
  it('are named by labels or indices', async () => {
    for (const path of ['dog/b.png', 'dog/a.JPG', '0/c.webp', 'mouse/d.avif']) await write(path);
    expect(await found()).toEqual({
      files: ['0/c.webp=0', 'dog/a.JPG=1', 'dog/b.png=1', 'mouse/d.avif=2'],
      notes: [],
    });
  });

  it('are a label before they are an index', async () => {
    await write('1/a.png');
    expect((await found({ labels: ['1', '0'], classes: 2 })).files).toEqual(['1/a.png=0']);
  });

  it('are indices with zeros in front, too', async () => {
    for (const path of ['02/a.png', '000/b.png']) await write(path);
    expect((await found()).files).toEqual(['000/b.png=0', '02/a.png=2']);
    expect((await found({ labels: undefined, classes: 12 })).files).toEqual(['000/b.png=0', '02/a.png=2']);
  });

  it('are the label also where its letters are written in two pieces', async () => {
    await write('cafe\u0301/a.png');
    const { files } = await found({ labels: ['thé vert', 'caf\u00e9'], classes: 2 });
    expect(files).toEqual(['cafe\u0301/a.png=1']);
  });

  it('whose label two classes have are refused, but for the index', async () => {
    await write('1/a.png');
    const names = { labels: ['crane', 'ship', 'crane'], classes: 3 };
    expect((await found(names)).files).toEqual(['1/a.png=1']);
    await write('crane/a.png');
    await expect(found(names)).rejects.toThrow(
      `${dir}: the folder crane may be class 0 or 2, which have the same label; name it by the index of its class.`,
    );
  });

  it('of which one is unknown are refused, with what there is', async () => {
    for (const path of ['dog/a.png', 'horse/a.png', '3/a.png']) await write(path);
    await expect(found()).rejects.toThrow(
      `${dir}: the folders 3, horse are no class of the model; name each folder by a label (cat, dog, mouse) or by an index from 0 to 2.`,
    );
  });

  it('of a model without labels are the classes in alphabetical order', async () => {
    for (const path of ['n2/a.png', 'n10/a.png', 'N3/a.png']) await write(path);
    expect((await found({ labels: undefined, classes: 3 })).files).toEqual([
      'N3/a.png=0',
      'n10/a.png=1',
      'n2/a.png=2',
    ]);
    await expect(found({ labels: undefined, classes: 4 })).rejects.toThrow(
      'there are 3 folders (N3, n10, n2) and the model has 4 classes',
    );
  });

  it('of a model without labels are its indices where all are numbers', async () => {
    for (const path of ['2/a.png', '10/a.png']) await write(path);
    expect((await found({ labels: undefined, classes: 11 })).files).toEqual(['2/a.png=2', '10/a.png=10']);
  });

  it('without images are told of, and stand for their class', async () => {
    await write('cat/a.png');
    await mkdir(join(dir, 'dog'));
    expect((await found()).notes).toEqual(['No image shows dog, mouse: the figures say nothing of them.']);
    await mkdir(join(dir, 'ant'));
    const { files } = await found({ labels: undefined, classes: 3 });
    expect(files).toEqual(['cat/a.png=1']);
  });

  it('may be links', async () => {
    await write('elsewhere/kittens/a.png');
    await mkdir(join(dir, 'data'));
    await symlink(join(dir, 'elsewhere/kittens'), join(dir, 'data/cat'));
    const { files } = await findImages(join(dir, 'data'), PETS);
    expect(files).toEqual([{ path: join(dir, 'data/cat/a.png'), label: 0 }]);
  });
});

describe('links', () => {
  it('to files are files, whatever they are called', async () => {
    for (const path of ['cat/a.png', 'notes.txt']) await write(path);
    await symlink('notes.txt', join(dir, 'README'));
    expect((await found()).files).toEqual(['cat/a.png=0']);
  });

  it('that lead nowhere or back to themselves are images that cannot be read', async () => {
    await mkdir(join(dir, 'cat'));
    await symlink('nowhere.png', join(dir, 'cat/a.png'));
    await symlink('b.png', join(dir, 'cat/b.png'));
    const { files } = await findImages(dir, PETS);
    await expect(checkImages(decoder, files, input, () => {})).rejects.toThrow(
      `${dir}/cat/a.png: it cannot be read, it does not exist. ${dir}/cat/b.png: it cannot be read, it is a link that leads back to itself.`,
    );
  });
});

it('a pipe among the images is refused, and nobody waits for it', async () => {
  await write('cat/a.png', await png(3));
  execFileSync('mkfifo', [join(dir, 'cat/b.png')]);
  const { files } = await findImages(dir, PETS);
  await expect(checkImages(decoder, files, input, () => {})).rejects.toThrow(
    `${dir}/cat/b.png: it cannot be read, it is no regular file.`,
  );
});

describe('what is no labelled folder', () => {
  it('is refused in a sentence', async () => {
    await expect(found()).rejects.toThrow(`${dir}: there is no folder in it`);
    await write('a.png');
    await expect(found()).rejects.toThrow('put the images of each class into a folder');
    await mkdir(join(dir, 'cat'));
    await expect(found()).rejects.toThrow('no folder in it holds a JPEG, PNG, WebP or AVIF image.');
    await expect(findImages(join(dir, 'missing'), PETS)).rejects.toThrow('it does not exist');
    await expect(findImages(join(dir, 'a.png'), PETS)).rejects.toThrow('a part of its path is no folder');
  });

  it('has files and folders that are told of, and hidden ones that are not', async () => {
    for (const path of [
      'dog/a.png',
      'cat/a.png',
      'mouse/a.png',
      'README.md',
      'dog/Thumbs.db',
      'dog/old/b.png',
      '.git/x',
      'dog/.DS_Store',
    ]) {
      await write(path);
    }
    expect(await found()).toEqual({
      files: ['cat/a.png=0', 'dog/a.png=1', 'mouse/a.png=2'],
      notes: [
        `Passed over: what is no image in the folder of a class, 2 in all, such as ${join(dir, 'README.md')}.`,
        `Passed over: folders inside the folder of a class, 1 in all, such as ${join(dir, 'dog/old')}.`,
      ],
    });
  });
});

describe('the choice', () => {
  const files = Array.from({ length: 100 }, (_, i) => ({ path: `${i}`, label: i % 3 }));

  it('is the same for the same seed, another for another, and the first of the shuffle', () => {
    expect(chooseImages(files, 5)).toEqual(chooseImages(files, 5));
    expect(chooseImages(files, 5)).not.toEqual(chooseImages(files, 6));
    expect(chooseImages(files, 5, 10)).toEqual(chooseImages(files, 5).slice(0, 10));
  });

  it('has each image once, and no more than there are', () => {
    const paths = chooseImages(files, 0, 1000).map(({ path }) => path);
    expect(new Set(paths).size).toBe(100);
    expect(paths).toHaveLength(100);
  });
});

describe('the images', () => {
  it('are pixels in [0, 1] with their labels, in the order of the files', async () => {
    await write('dog/a.png', await png(51));
    await write('cat/a.png', await png(255));
    const { files } = await findImages(dir, PETS);
    const { images, labels } = await readBatch(decoder, files.toReversed(), input);
    expect([...labels]).toEqual([1, 0]);
    expect(images.dims).toEqual([2, 3, 2, 2]);
    expect(images.data[0]).toBeCloseTo(0.2, 6);
    expect(images.data[12]).toBe(1);
  });

  it('of a grey model have one channel, and grey files have three for a model of colours', async () => {
    const grey = await sharp(Uint8Array.of(0, 51, 102, 255), { raw: { width: 2, height: 2, channels: 1 } })
      .png()
      .toBuffer();
    await write('cat/grey.png', grey);
    const { files } = await findImages(dir, PETS);
    const one = await readBatch(decoder, files, inputOf(2, 2, { channels: 'gray', mean: [0], std: [1] }));
    expect(Array.from(one.images.data, (pixel) => Math.round(255 * pixel))).toEqual([0, 51, 102, 255]);
    const three = await readBatch(decoder, files, input);
    expect(three.images.dims).toEqual([1, 3, 2, 2]);
    expect(three.images.data[5]).toBeCloseTo(0.2, 6);
  });

  it('that are broken are told of before any work, all of them', async () => {
    await write('cat/a.png', await png(9));
    await write('cat/b.jpg', 'not an image');
    await write('dog/b.png');
    await write('dog/c.png', (await png(9)).subarray(0, 40));
    const { files } = await findImages(dir, PETS);
    const progress: number[] = [];
    const faults = await checkImages(decoder, files, input, (done) => progress.push(done)).catch(
      (error: unknown) => error,
    );
    expect(faults).toMatchObject({
      name: 'InputError',
      faults: [
        expect.stringContaining(`${join(dir, 'cat/b.jpg')}: The image is not a JPEG`),
        expect.stringContaining(`${join(dir, 'dog/b.png')}: The image is empty`),
        expect.stringContaining(`${join(dir, 'dog/c.png')}: The PNG image cannot be decoded`),
      ],
    });
    expect(progress).toEqual([1, 2, 3, 4]);
  });
});
