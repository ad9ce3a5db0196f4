/** The pictures of the gallery, which the build puts in. */
declare const EXAMPLES: readonly { readonly name: string; readonly shows: string; readonly url: string }[];
