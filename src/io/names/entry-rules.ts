/**
 * Rules for files of an input: junk is ignored, and a name suggests a kind (picture, archive, other). A name only
 * suggests: the content decides what a file is.
 */

/** Names that systems leave behind. A leading dot alone says nothing: pages have such names. */
const JUNK_PARTS = new Set(["__macosx", ".ds_store", "thumbs.db", "desktop.ini"]);
/** macOS writes resource forks beside files as AppleDouble files, usually named `._` and the file's name. */
const APPLE_DOUBLE = [0x00, 0x05, 0x16, 0x07];
const IMAGE_EXTENSIONS = new Set([".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".avif", ".gif"]);
/** Of picture formats that are not read; those that other kinds of files have too are left out. */
const UNREAD_PICTURE_NAME =
  /\.(?:3fr|af(?:design|photo)|ai|ani|arw|astc|avc[is]|bay|blp|bmp|bpg|cap|cdr|cin|clip|cr[23w]|cur|dc[rsx]|dds|dib|djvu?|dng|dpx|emf|eps|erf|exr|fff|fits?|fl[ci]|flif|g3|gpr|hdr|hei[cf]s?|hif|icns|ico|iff|iiq|j[2p]2|j2[ck]|jb[2g]|jbig2?|jls|jng|jp[cefhmx]|jxl|jxr|jxs|k25|kdc|kra|ktx2?|lbm|lip|mdp|mef|miff|mng|mos|mrw|msp|nef|nrrd|nrw|ora|orf|p[abghnp]m|pcd|pc[tx]|pdn|pef|pfm|pict?|pntg|procreate|ps[bdp]|pspimage|ptx|pvr|qoi|raf|ras|rgb|rl[ae]|rw[2lz]|sai2?|sgi|sr[2fw]|sun|svgz?|targa|tga|vtf|wbmp|wdp|wmf|wp2|x3f|xbm|xcf|xpm|xwd)$/iu;
/** A picture's extension and what downloads, editors and copies put behind it; not one more extension, as of notes. */
const LENGTHENED_PICTURE_NAME =
  /\.(?:avif|gif|jfif|jpe?g?|png|tiff?|webp)(?:\d+|[^\w./][^/]*|\.(?:\d+|bak|crdownload|download|filepart|old|orig|part|partial|te?mp)|[. ]+)$/iu;
const ARCHIVE_EXTENSIONS = new Set([".zip", ".cbz"]);

/** A folder with the state of a run: in an output folder, or beside an archive (see `core/output/work-folder`). */
const STATE_FOLDER = /(?:^|\.zip|\.cbz)\.cobra-batch(?:\.done)?$/iu;
/** What a run writes before it gets its name. */
const UNFINISHED = /^\.cobra-(?:[0-9a-f]{8}-)?\d+-[0-9a-f]{12}\.tmp$/u;

/** `image`: a page, a reference, or a file that claims to be one. `other`: copied to the output unchanged. */
export type EntryKind = "image" | "other";

/** The extension with its dot in lower case, empty when there is none. */
export function extensionOf(name: string): string {
  const base = name.slice(name.lastIndexOf("/") + 1);
  const dot = base.lastIndexOf(".");
  return dot > 0 ? base.slice(dot).toLowerCase() : "";
}

/**
 * Whether a file is left out by its path: what systems leave behind, and the state of runs. Any part decides.
 * @param isFolder the path is a folder's. Default: a file's, which may be called like the state of a run
 */
export function isJunkName(name: string, isFolder = false): boolean {
  const parts = name.split("/");
  const folders = isFolder ? parts.length : parts.length - 1;
  return parts.some(
    (part, at) =>
      JUNK_PARTS.has(part.toLowerCase()) || UNFINISHED.test(part) || (at < folders && STATE_FOLDER.test(part)),
  );
}

/** Whether a file is left out by its first bytes. */
export function isAppleDouble(head: Uint8Array): boolean {
  return APPLE_DOUBLE.every((byte, at) => head[at] === byte);
}

/** What a name promises. */
export function kindOfName(name: string): EntryKind {
  return IMAGE_EXTENSIONS.has(extensionOf(name)) ? "image" : "other";
}

/** Whether a name promises a picture in a format that is not read, or one whose extension is no longer at the end. */
export function promisesPicture(name: string): boolean {
  return UNREAD_PICTURE_NAME.test(name) || LENGTHENED_PICTURE_NAME.test(name);
}

export function isArchiveName(name: string): boolean {
  return ARCHIVE_EXTENSIONS.has(extensionOf(name));
}
