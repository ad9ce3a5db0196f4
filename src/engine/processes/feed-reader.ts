/**
 * A thread of a child. It reads the feeds of the next run while the child's main thread is busy with a run
 * and hears nothing.
 */
import { parentPort } from 'node:worker_threads';
import { readFeeds } from './feed-pipe.ts';

for (;;) {
  let feeds: ArrayBuffer[];
  try {
    feeds = readFeeds();
  } catch {
    // The parent has let go of the child or died.
    break;
  }
  parentPort!.postMessage(feeds, feeds);
}
