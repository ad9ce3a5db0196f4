import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { Prediction } from '../../src/inference/inference.ts';
import { postImage, startDent, writeRepository } from '../fixtures/serving/processes.ts';
import { barsOf, textOf, untilAnswered } from './browser.ts';
import { pixelsOf, visits } from './visits.ts';

const run = promisify(execFile);
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const house = visits();
const { visit } = house;

const percent = (part: number): string => `${(100 * part).toFixed(1)}%`;

/** What the page must show of this answer: of each class how probable it is, as the model is and adapted. */
const shown = ({ predictions, trace }: Prediction): Record<string, readonly string[]> =>
  Object.fromEntries(
    predictions.map(({ label, probability }) => {
      const asItIs = trace!.static.find((each) => each.label === label)!;
      return [label, [percent(asItIs.probability), percent(probability)]];
    }),
  );

const slide = (page: Page, name: string, value: number): Promise<void> =>
  page.locator(`input[name="${name}"]`).fill(`${value}`);

describe('the page', () => {
  it('shows a defended picture before anything is clicked', async () => {
    const page = await visit();
    const example = await page.locator('.gallery button[aria-pressed="true"] img').getAttribute('src');
    const file = await fetch(new URL(example!, house.server.url));
    const bytes = new Uint8Array(await file.arrayBuffer());
    const answer = (await (
      await postImage(house.server, bytes, '?trace=true&top_k=10')
    ).json()) as Prediction;
    const bars = await barsOf(page);
    expect(Object.keys(bars)).toHaveLength(5);
    expect(shown(answer)).toMatchObject(bars);
    const [top] = answer.predictions;
    expect(await textOf(page.locator('.verdict'))).toContain(
      `Adapted, it says ${top!.label} (${percent(top!.probability)})`,
    );
    const small = page.locator('canvas.pixels');
    expect(await small.evaluate(({ width, height }: HTMLCanvasElement) => [width, height])).toEqual([32, 32]);
    expect(await small.evaluate((canvas) => getComputedStyle(canvas).imageRendering)).toBe('pixelated');
  });

  it('draws the entropy of each step, and reads aloud what the picture was taken for', async () => {
    const page = await visit();
    await page.getByRole('combobox', { name: 'Recipe' }).selectOption('isolated');
    await expect.poll(() => page.locator('.curve circle').count()).toBe(7);
    await page.getByRole('slider', { name: 'Step' }).fill('0');
    const reading = page.locator('.reading');
    expect(await textOf(reading)).toMatch(/^Before the first step: \w+, \d+%\. Entropy \d\.\d\d nats/);
    await page.getByRole('slider', { name: 'Step' }).fill('6');
    const said = /^After the last step, 6: (\w+), \d+%/.exec(await textOf(reading))![1]!;
    const adapted = Object.entries(await barsOf(page)).map(([label, [, part]]) => [label, parseFloat(part!)]);
    expect(said).toBe(adapted.sort(([, a], [, b]) => Number(b) - Number(a))[0]![0]);
  });

  it('says where the model was sure, so that nothing was adapted', async () => {
    const models = await mkdtemp(join(tmpdir(), 'dent-page-'));
    const recipes = { sure: { preset: 'brief', gate: 1 } };
    await writeRepository(models, { recipes, defaultRecipe: 'sure' });
    const { process, url, exit } = await startDent(['serve'], { DENT_MODELS: models });
    try {
      const page = await visit({ url });
      expect(await textOf(page.locator('.verdict'))).toMatch(
        /As it is, the model says \w+ \(\d+\.\d%\)\. It was sure of that, so nothing was adapted\./,
      );
    } finally {
      process.kill('SIGINT');
      await exit;
      await rm(models, { recursive: true });
    }
  });

  it('changes picture, answer and link as a slider moves', async () => {
    const page = await visit();
    const [picture, bars] = [await pixelsOf(page), await barsOf(page)];
    await slide(page, 'darkness', 0.7);
    await slide(page, 'noise', 0.3);
    await page.waitForFunction(
      (before) => document.querySelector('.bars')?.textContent !== before,
      await page.locator('.bars').textContent(),
    );
    await untilAnswered(page);
    expect(await pixelsOf(page)).not.toBe(picture);
    expect(await barsOf(page)).not.toEqual(bars);
    expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('noise')).toBe('0.3');
    await page.getByRole('button', { name: 'As it was' }).click();
    await untilAnswered(page);
    await expect.poll(() => barsOf(page)).toEqual(bars);
  });

  it('is restored by a link, to the same noise', async () => {
    const hash = '#example=cat%2C+frame+9&view=all&noise=0.2&blur=1&seed=7';
    const page = await visit({ hash });
    const recipes = await page.locator('.card h3').allInnerTexts();
    expect(recipes).toEqual(['brief', 'isolated', 'dent+', 'dent', 'blend', 'auto', 'static']);
    await page.locator('.card .bars').nth(5).waitFor();
    expect(await page.locator('input[name="blur"]').inputValue()).toBe('1');
    expect(await page.getByRole('button', { name: 'cat, frame 9' }).getAttribute('aria-pressed')).toBe(
      'true',
    );
    expect(await textOf(page.locator('.card').nth(2))).toContain(
      '"dent+" needs more pictures at once than came',
    );
    const picture = await pixelsOf(page);
    await house.leave();
    expect(await pixelsOf(await visit({ hash }))).toBe(picture);
    await house.leave();
    expect(await pixelsOf(await visit({ hash: hash.replace('seed=7', 'seed=8') }))).not.toBe(picture);
  });

  it('gives a call that does the same', async () => {
    const page = await visit();
    const first = (await textOf(page.locator('.bars .label').first())).trim();
    const copied = async (language: string): Promise<string> => {
      await page.getByRole('radio', { name: language }).check();
      await page.getByRole('button', { name: 'Copy the call' }).click();
      return page.evaluate(() => navigator.clipboard.readText());
    };
    const script = await copied('JavaScript');
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toMatch(new RegExp(`^${first} 0\\.`));
    expect(await copied('curl')).toContain(
      `'${house.server.url}/v1/models/cifar10-resnet14/predict?recipe=brief&top_k=10'`,
    );
    expect(await copied('Python')).toContain('requests.post(');
    expect(await page.getByRole('status').allInnerTexts()).toContain('Copied.');
  });

  it('sends 32 noisy pictures in one request to each recipe', async () => {
    const page = await visit();
    await page.getByRole('button', { name: 'Send 32 noisy copies' }).click();
    await page.getByText('Done: 32 pictures with each of 7 recipes.').waitFor();
    const rows = page.locator('tbody tr');
    expect(await rows.count()).toBe(7);
    for (const text of await rows.allInnerTexts()) expect(text).toMatch(/\d+ of 32/);
  });

  it('has the server attack the picture, and shows what was added', async () => {
    const page = await visit();
    const before = await textOf(page.locator('.verdict'));
    await page.locator('input[name="eps"]').fill('12');
    await page.getByRole('button', { name: 'Attack the picture' }).click();
    await page.getByRole('img', { name: 'The picture: junk, attacked' }).waitFor();
    await page.getByText('each value of a pixel was moved by at most 12 of 255').waitFor();
    await untilAnswered(page);
    await expect.poll(() => textOf(page.locator('.verdict'))).not.toBe(before);
    const added = page.getByRole('img', { name: 'What the attack has added' });
    const colours = await added.evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, 32, 32);
      return Math.max(...data.filter((_, i) => i % 4 < 3));
    });
    expect(colours).toBe(128 + 10 * 12);
    // A person sees the whole picture with what was added, not the model's few pixels.
    const seen = page.getByRole('img', { name: 'The picture: junk, attacked' });
    expect(await seen.evaluate(({ width }: HTMLCanvasElement) => width)).toBeGreaterThan(300);
    await page.locator('.gallery button').first().click();
    await expect.poll(() => textOf(page.locator('.verdict'))).toBe(before);
  });

  it('has an attacker that sees what is adapted', async () => {
    const page = await visit();
    await page.getByRole('radio', { name: 'the model as "brief" adapts it to this picture' }).check();
    await page.getByText('This attacker knows the defence too').waitFor();
    const asked = page.waitForRequest(/attack\?eps=8&recipe=brief$/);
    await page.getByRole('button', { name: 'Attack the picture' }).click();
    await asked;
    await page.getByText('The attacker saw the model as "brief" adapts it to this picture').waitFor();
    await page.getByRole('img', { name: 'What the attack has added' }).waitFor();
  });

  it('is used by keyboard alone', async () => {
    const page = await visit();
    for (let i = 0; i < 3; i++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const third = page.locator('.gallery button').nth(2);
    await expect.poll(() => third.getAttribute('aria-pressed')).toBe('true');
    await page.locator('input[name="noise"]').focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => page.url()).toContain('noise=0.01');
  });

  it('says briefly beside the picture what the model says, where the answer stands elsewhere', async () => {
    const page = await visit({ viewport: { width: 360, height: 780 } });
    await slide(page, 'noise', 0.1);
    await untilAnswered(page);
    const briefly = page.locator('.says');
    await expect.poll(() => textOf(briefly)).toMatch(/^As it is: \w+, \d+%\. Adapted: \w+, \d+%\.$/);
    await page.locator('input[name="salt"]').scrollIntoViewIfNeeded();
    expect(await briefly.isVisible()).toBe(true);
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(await briefly.isVisible()).toBe(false);
  });

  it('writes numbers as the person does', async () => {
    const page = await visit({ locale: 'de-DE' });
    expect((await page.locator('.bars .number').allInnerTexts()).join()).toMatch(/\d,\d\s%/);
  });
});

async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(AXE, 'utf8'));
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
    const found = await axe.run(document, { resultTypes: ['violations'] });
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('; ')}`);
  });
}

describe('for everybody', () => {
  it.each([
    ['light', 1280, ''],
    ['dark', 800, '#view=all'],
    ['light', 360, '#view=all&noise=0.2'],
    ['dark', 360, ''],
  ] as const)('breaks no rule of accessibility, %s at %d px %s', async (colorScheme, width, hash) => {
    const page = await visit({ colorScheme, viewport: { width, height: 800 }, hash });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    expect(await violationsOf(page)).toEqual([]);
  });

  it('breaks no rule of accessibility with a table wider than the window', async () => {
    const page = await visit({ viewport: { width: 360, height: 800 } });
    await page.getByRole('button', { name: 'Send 32 noisy copies' }).click();
    await page.getByText(/^Done: 32 pictures/).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    expect(await violationsOf(page)).toEqual([]);
  });

  it('keeps what has the focus clear of the pictures', async () => {
    const page = await visit({ viewport: { width: 360, height: 700 } });
    await page.locator('input[name="salt"]').focus();
    for (let i = 0; i < 10; i++) {
      await page.keyboard.press('Shift+Tab');
      const gap = await page.evaluate(() => {
        const below = document.activeElement!.getBoundingClientRect().top;
        return below - document.querySelector('.pictures')!.getBoundingClientRect().bottom;
      });
      expect(gap).toBeGreaterThanOrEqual(0);
    }
  });
});
