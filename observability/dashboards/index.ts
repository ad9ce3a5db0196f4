import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { adaptation } from './adaptation.ts';
import { overview } from './overview.ts';
import { processes } from './processes.ts';
import { queue } from './queue.ts';

/** Every dashboard by the name of its file in helm/dent-serve/dashboards. */
export const DASHBOARDS: Readonly<Record<string, Dashboard>> = { overview, adaptation, queue, processes };
