import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createKey, digestOf } from '../../src/access/index.ts';
import { type Running, startDent } from '../fixtures/serving/processes.ts';
import { drop, type OpenPage, openBrowser, openPage, textOf, untilAnswered } from './browser.ts';

const key = createKey();

let folder: string;
let server: Running;
let browser: Browser;
let open: OpenPage | undefined;
beforeAll(async () => {
  browser = await openBrowser();
  folder = await mkdtemp(join(tmpdir(), 'dent-page-'));
  const keys = [{ name: 'somebody', sha256: digestOf(key), scopes: ['predict'] }];
  await writeFile(join(folder, 'keys.json'), JSON.stringify({ keys }));
  server = await startDent(['serve'], {});
});
afterAll(async () => {
  await browser?.close();
  server?.process.kill('SIGINT');
  await server?.exit;
  await rm(folder, { recursive: true, force: true });
});
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function visit(url = server.url): Promise<Page> {
  open = await openPage(browser, url);
  await untilAnswered(open.page);
  return open.page;
}

const alert = (page: Page, words: string) => page.getByRole('alert').filter({ hasText: words });
const darken = (page: Page): Promise<void> => page.locator('input[name="darkness"]').fill('0.5');

it('says that a HEIC photograph is none that can be read, and what to do', async () => {
  const page = await visit();
  const heic = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypheic'), Buffer.alloc(64)]);
  await drop(page, 'IMG_0001.HEIC', heic);
  await alert(page, 'This is a HEIC photograph').waitFor();
  expect(await textOf(alert(page, 'HEIC'))).toContain('Save it as JPEG first');
  // The picture that was there stays, with its answer.
  expect(await page.locator('.bars li').count()).toBeGreaterThan(0);
});

it('says that a file is no picture', async () => {
  const page = await visit();
  await drop(page, 'letter.pdf', Buffer.from('%PDF-1.7'));
  await alert(page, 'The browser cannot read "letter.pdf" as a picture').waitFor();
});

it('sends only the pixels of the model of a file that the server would not take', async () => {
  const page = await visit();
  const create = {
    width: 2600,
    height: 2600,
    channels: 3,
    noise: { type: 'gaussian', mean: 128, sigma: 60 },
  } as const;
  const huge = await sharp({ create: { ...create, background: '#888' } })
    .png({ compressionLevel: 0 })
    .toBuffer();
  expect(huge.length).toBeGreaterThan(20e6);
  await drop(page, 'huge.png', huge);
  await page.getByText('The page sends only the pixels that the model sees of it').waitFor();
  await page.getByRole('img', { name: 'The picture: huge.png' }).waitFor();
  await untilAnswered(page);
  expect(await page.locator('.complaint').count()).toBe(0);
});

it('says that there is no connection, and goes on when it is back', async () => {
  const page = await visit();
  await page.context().setOffline(true);
  await darken(page);
  await alert(page, 'You are offline').waitFor();
  await page.context().setOffline(false);
  await page.locator('.complaint').waitFor({ state: 'detached' });
  await untilAnswered(page);
});

it('says after ten seconds that it still waits', async () => {
  open = await openPage(browser, server.url);
  const { page } = open;
  await untilAnswered(page);
  await page.clock.install();
  await page.route('**/predict?**', () => {});
  await darken(page);
  await page.locator('section[aria-busy="true"]').waitFor();
  await page.clock.fastForward(10_000);
  await alert(page, 'No answer for ten seconds').waitFor();
});

it.each([
  [429, 'queue_full', 'The server has more to do than it can take at present'],
  [503, 'draining', 'The server is not ready yet, or is closing'],
  [504, 'timeout', 'The server did not get to the picture in time'],
])('has words for %d', async (status, code, words) => {
  const page = await visit();
  const body = JSON.stringify({ status, code, detail: 'The reason of the server.' });
  const headers = { 'content-type': 'application/problem+json', 'retry-after': '1' };
  await page.route('**/predict?**', (route) => route.fulfill({ status, headers, body }));
  await darken(page);
  await alert(page, words).waitFor();
  expect(await textOf(alert(page, words))).toContain('The reason of the server.');
  await page.unroute('**/predict?**');
  if (status === 504) await page.getByRole('button', { name: 'Try again now' }).click();
  await page.locator('.complaint').waitFor({ state: 'detached' });
});

it('asks for a key where the server does, and goes on with it', async () => {
  const guarded = await startDent(['serve', '--api-keys-file', join(folder, 'keys.json')], {});
  open = await openPage(browser, guarded.url);
  const { page } = open;
  await alert(page, 'This server asks for an API key').waitFor();
  const field = page.getByLabel('API key');
  await field.fill('wrong');
  await page.getByRole('button', { name: 'Use this key' }).click();
  await alert(page, 'The key is not known here').waitFor();
  await field.fill(key);
  await page.getByRole('button', { name: 'Use this key' }).click();
  await untilAnswered(page);
  expect(await page.locator('.complaint').count()).toBe(0);
  expect(await textOf(page.locator('pre'))).toContain('Authorization: Bearer KEY');
  expect(await page.content()).not.toContain(key);
  guarded.process.kill('SIGINT');
  await guarded.exit;
});

it('says that the server is gone', async () => {
  const mortal = await startDent(['serve'], {});
  const page = await visit(mortal.url);
  mortal.process.kill('SIGKILL');
  await mortal.exit;
  await darken(page);
  await alert(page, 'The server does not answer. It may have been stopped').waitFor();
});
