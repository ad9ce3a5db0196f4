import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { crops } from '../fixtures/serving/photos.ts';
import { barsOf, copyAndPaste, drop, pasteFile, textOf, untilAnswered } from './browser.ts';
import { pixelsOf, visits } from './visits.ts';

const { visit } = visits();

describe("a picture of one's own", () => {
  it('is answered for where it is dropped', async () => {
    const page = await visit();
    const [photo] = await crops(1);
    const before = await pixelsOf(page);
    await drop(page, 'mine.jpg', photo!);
    await page.getByRole('img', { name: 'The picture: mine.jpg' }).waitFor();
    await untilAnswered(page);
    expect(await pixelsOf(page)).not.toBe(before);
    expect(Object.keys(await barsOf(page)).length).toBeGreaterThan(1);
    expect(await page.locator('.gallery button[aria-pressed="true"]').count()).toBe(0);
    expect(await textOf(page.locator('pre'))).toContain('--data-binary @picture.png');
  });

  it.each([
    ['copied and pasted', (page: Page, png: Uint8Array) => copyAndPaste(page, png)],
    ['pasted as a file', (page: Page, png: Uint8Array) => pasteFile(page, 'mine.png', png)],
  ] as const)('is answered for where it is %s', async (_, paste) => {
    const page = await visit();
    const before = await pixelsOf(page);
    const [photo] = await crops(1);
    await paste(page, await sharp(photo).png().toBuffer());
    await page.getByRole('img', { name: 'The picture: pasted picture' }).waitFor();
    await untilAnswered(page);
    expect(await pixelsOf(page)).not.toBe(before);
    expect(await page.locator('.gallery button[aria-pressed="true"]').count()).toBe(0);
  });

  it('is not made of text that is pasted', async () => {
    const page = await visit();
    const before = await pixelsOf(page);
    await page.evaluate(() => navigator.clipboard.writeText('no picture'));
    await page.keyboard.press('ControlOrMeta+V');
    await untilAnswered(page);
    expect(await pixelsOf(page)).toBe(before);
    expect(await page.locator('.complaint').count()).toBe(0);
  });

  it('is taken by the camera', async () => {
    const page = await visit();
    await page.getByRole('button', { name: 'Use the camera' }).click();
    await page.waitForFunction(() => (document.querySelector('video')?.videoWidth ?? 0) > 0);
    await page.getByRole('button', { name: 'Take the photograph' }).click();
    await page.getByRole('img', { name: 'The picture: photo' }).waitFor();
    expect(await page.locator('video').count()).toBe(0);
  });
});

it('stays the one chosen last where the one before is fetched more slowly', async () => {
  const page = await visit();
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/page/biplane-*.jpg', async (route) => {
    await held;
    await route.continue();
  });
  const came = page.waitForResponse(/biplane/);
  await page.getByRole('button', { name: 'biplane' }).click();
  await page.getByRole('button', { name: 'harbour' }).click();
  await page.getByRole('img', { name: 'The picture: harbour' }).waitFor();
  release();
  await (await came).finished();
  await untilAnswered(page);
  expect(await page.locator('.pictures canvas').first().getAttribute('aria-label')).toBe(
    'The picture: harbour',
  );
});

it('has the eight shifts of dent evaluate at one press, which the sliders follow', async () => {
  const page = await visit();
  const untouched = await pixelsOf(page);
  const seen = new Set([untouched]);
  const shifts = page.getByRole('group', { name: 'Make it harder' }).locator('button[aria-pressed]');
  expect(await shifts.count()).toBe(8);
  for (const shift of await shifts.all()) {
    await shift.click();
    await page.waitForFunction(
      (before) => document.querySelector('canvas')!.toDataURL() !== before,
      [...seen].at(-1),
    );
    seen.add(await pixelsOf(page));
  }
  expect(seen.size).toBe(9);
  expect(await page.locator('input[name="salt"]').inputValue()).toBe('0.04');
  expect(await page.locator('input[name="blur"]').inputValue()).toBe('0');
  expect(new URL(page.url()).hash).toContain('salt=0.04');
  await shifts.last().click();
  await expect.poll(() => pixelsOf(page)).toBe(untouched);
});
