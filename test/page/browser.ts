import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';
import { requireProgram } from '../fixtures/redis/program.ts';

/** Far beyond the time of anything that tests wait for, because a slow, busy machine is no failure. */
const PATIENCE_MS = 60_000;

/** Debian's Chromium, without its sandbox where root may not have one. */
export async function openBrowser(): Promise<Browser> {
  await requireProgram('chromium', 'chromium');
  const { stdout } = await promisify(execFile)('sh', ['-c', 'command -v chromium']);
  return chromium.launch({
    executablePath: stdout.trim(),
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
    ],
  });
}

export interface OpenPage {
  readonly page: Page;
  /**
   * What a person who cares would complain of: errors of scripts, lines of the console, calls to elsewhere.
   */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** A window of its own at the page of the server at `url`. */
export async function openPage(
  browser: Browser,
  url: string,
  { hash = '', ...options }: BrowserContextOptions & { readonly hash?: string } = {},
): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    locale: 'en-GB',
    ...options,
  });
  await context.grantPermissions(['clipboard-read', 'clipboard-write', 'camera'], { origin: url });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (line) => {
    if (line.type() === 'error' || line.type() === 'warning') complaints.push(line.text());
  });
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== 'blob:' && origin !== new URL(url).origin) complaints.push(`asked ${request.url()}`);
  });
  await page.goto(`${url}/${hash}`);
  return { page, complaints, close: () => context.close() };
}

/** What a person reads there. */
export const textOf = async (place: Locator): Promise<string> =>
  (await place.allInnerTexts()).join(' ').trim();

/** Waits until what is shown is the answer to what was asked last. */
export async function untilAnswered(page: Page): Promise<void> {
  await page.locator('.bars li').first().waitFor();
  await page.locator('section[aria-busy="true"]').waitFor({ state: 'detached' });
}

/** The probabilities that the page shows, by class: as it is and adapted. */
export async function barsOf(page: Page): Promise<Record<string, readonly string[]>> {
  const rows = await page.locator('.bars li').all();
  const read = rows.map(async (row) => [
    await textOf(row.locator('.label')),
    (await row.locator('.number').allInnerTexts()).map((text) => text.replace(/^\w+\s+/, '')),
  ]);
  return Object.fromEntries(await Promise.all(read));
}

const transferOf = (page: Page, name: string, bytes: Uint8Array) =>
  page.evaluateHandle(
    ([name, text]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
      return transfer;
    },
    [name, Buffer.from(bytes).toString('base64')] as const,
  );

/** Drops a file onto the page. */
export const drop = async (page: Page, name: string, bytes: Uint8Array): Promise<void> =>
  page.dispatchEvent('body', 'drop', { dataTransfer: await transferOf(page, name, bytes) });

/** Pastes a file, as from a file manager. */
export async function pasteFile(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  const transfer = await transferOf(page, name, bytes);
  await page.evaluate((clipboardData) => {
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
  }, transfer);
}

/** Copies a picture in the browser, and pastes it by the keys that a person presses. */
export async function copyAndPaste(page: Page, png: Uint8Array): Promise<void> {
  await page.evaluate(async (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const item = new ClipboardItem({ 'image/png': new Blob([bytes], { type: 'image/png' }) });
    await navigator.clipboard.write([item]);
  }, Buffer.from(png).toString('base64'));
  await page.keyboard.press('ControlOrMeta+V');
}
