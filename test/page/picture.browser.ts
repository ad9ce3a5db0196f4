import { writeFile } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Running, startDent } from '../fixtures/serving/processes.ts';
import { openBrowser, openPage, untilAnswered } from './browser.ts';

const LARGEST_BYTES = 150_000;

let server: Running;
let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
  server = await startDent(['serve'], {});
});
afterAll(async () => {
  await browser?.close();
  server?.process.kill('SIGINT');
  await server?.exit;
});

it('is the picture of the README, and small (npm run docs:page writes it)', async () => {
  const { page, close } = await openPage(browser, server.url, {
    viewport: { width: 1120, height: 1120 },
    reducedMotion: 'reduce',
    hash: '#example=junk&noise=0.08&seed=2',
  });
  await untilAnswered(page);
  const picture = await sharp(await page.screenshot())
    .webp({ quality: 82 })
    .toBuffer();
  await close();
  expect(picture.length).toBeLessThan(LARGEST_BYTES);
  const file = process.env.PAGE_PICTURE;
  if (file !== undefined) await writeFile(file, picture);
});
