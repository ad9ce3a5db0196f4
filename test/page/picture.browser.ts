import { writeFile } from 'node:fs/promises';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { openPage, untilAnswered } from './browser.ts';
import { serverAndBrowser } from './visits.ts';

const LARGEST_BYTES = 150_000;

const both = serverAndBrowser();

it('is the picture of the README, and small (npm run docs:page writes it)', async () => {
  const { page, close } = await openPage(both.browser, both.server.url, {
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
