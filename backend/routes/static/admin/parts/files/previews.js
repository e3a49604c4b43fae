// Pictures of files: a thumbnail that the API makes, or the picture itself if it is small.
const SHOWN = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif'];
const MOST_BYTES = 1_000_000; // of a picture that is shown itself

const kept = new Map(); // id of a file that was just uploaded -> its bytes, as the URL of a blob

export function keepPreview({id, type}, file) {
  if (SHOWN.includes(type)) kept.set(id, URL.createObjectURL(file));
}

// The URL of a picture of a file, undefined if there is none. `url` has a file that a record has.
export function previewOf({id, type, bytes, url}, {options}) {
  if (!SHOWN.includes(type)) return undefined;
  if (kept.has(id)) return kept.get(id);
  if (!url) return undefined;
  const [size] = options?.thumbs ?? [];
  if (size) return `${url}?size=${size}`;
  return bytes <= MOST_BYTES ? url : undefined;
}
