import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Inference } from '../../inference/inference.ts';
import type { ModelControl } from '../../models/index.ts';
import type { App } from '../server/app-instance.ts';
import type { Lifecycle } from '../server/lifecycle.ts';
import { refuseOtherMethods } from '../server/method-not-allowed.ts';
import { parseBodies } from './body.ts';
import { inferRoutes } from './infer.ts';
import { metadataRoutes } from './metadata.ts';
import { repositoryRoutes } from './repository.ts';
import { statisticsRoutes } from './statistics.ts';

export interface OpenInferenceDeps {
  readonly inference: Inference;
  readonly control: ModelControl;
  readonly lifecycle: Lifecycle;
  /** The project's version. */
  readonly version: string;
}

/** The Open Inference Protocol without the health routes. Its bodies are read in their own way. */
export async function openInferenceRoutes(
  app: App,
  { inference, control, lifecycle, version }: OpenInferenceDeps,
): Promise<void> {
  await app.register(async (instance) => {
    const scope = instance.withTypeProvider<TypeBoxTypeProvider>();
    parseBodies(scope);
    refuseOtherMethods(scope, () => {
      metadataRoutes(scope, inference, version);
      statisticsRoutes(scope, inference);
      inferRoutes(scope, { inference, lifecycle });
      repositoryRoutes(scope, { inference, control, lifecycle });
    });
  });
}
