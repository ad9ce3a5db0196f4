import { describe, expect, it } from 'vitest';
import { envOf, find, ofKind, podOf, render } from './render.ts';

describe('models', () => {
  const mountOf = (values: object) => {
    const { pod, container } = podOf(render({ models: values }), 'api');
    const models = container.volumeMounts!.find(({ mountPath }) => mountPath === '/models');
    return { pod, container, models };
  };

  it('are in the image', () => {
    const { container, models } = mountOf({ source: 'image' });
    expect(models).toBeUndefined();
    expect(envOf(container)).not.toHaveProperty('DENT_MODELS');
  });

  it('come from a claim, to be read only', () => {
    const { pod, container, models } = mountOf({
      source: 'pvc',
      pvc: { claimName: 'store', subPath: 'a/b' },
    });
    expect(models).toEqual({ name: 'models', mountPath: '/models', readOnly: true, subPath: 'a/b' });
    expect(pod.volumes).toContainEqual({
      name: 'models',
      persistentVolumeClaim: { claimName: 'store', readOnly: true },
    });
    expect(envOf(container).DENT_MODELS).toBe('/models');
  });

  it('come from an archive, whose URL may be a secret', () => {
    const sha256 = 'AB'.repeat(32);
    const { pod, models } = mountOf({ source: 'download', download: { existingSecret: 'where', sha256 } });
    const [init] = pod.initContainers!;
    expect(envOf(init!)).toEqual({
      MODELS_URL: { secretKeyRef: { name: 'where', key: 'url' } },
      MODELS_SHA256: sha256.toLowerCase(),
      MODELS_MAX_BYTES: '2147483648',
      MODELS_DIR: '/models',
    });
    expect(init!.volumeMounts).toEqual([{ name: 'models', mountPath: '/models' }]);
    expect(models).toMatchObject({ readOnly: true });
  });
});

describe('the cache', () => {
  it('is a claim that pods on several nodes can share', () => {
    const manifests = render({ engine: { cache: { kind: 'pvc', pvc: { size: '9Gi' } } } });
    const claim = find(manifests, 'PersistentVolumeClaim');
    expect(claim.spec).toEqual({
      accessModes: ['ReadWriteMany'],
      resources: { requests: { storage: '9Gi' } },
    });
    expect(podOf(manifests, 'api').pod.volumes).toContainEqual({
      name: 'cache',
      persistentVolumeClaim: { claimName: claim.metadata.name },
    });
  });

  it('is a claim that exists', () => {
    const manifests = render({ engine: { cache: { kind: 'pvc', pvc: { existingClaim: 'mine' } } } });
    expect(ofKind(manifests, 'PersistentVolumeClaim')).toEqual([]);
    expect(podOf(manifests, 'api').pod.volumes).toContainEqual({
      name: 'cache',
      persistentVolumeClaim: { claimName: 'mine' },
    });
  });
});
