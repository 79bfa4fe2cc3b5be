/** A number of bytes as people read it. */

/** "12.3 MB" or "4.2 GB", in powers of ten. */
export function bytesText(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
