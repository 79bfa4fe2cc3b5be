/**
 * Names of what nobody means as a chapter: files that are being written, and what systems and programs keep beside
 * files. A leading dot alone says nothing: there are titles that begin with one.
 */
import { stat } from "node:fs/promises";
import { basename } from "node:path";

/** Of files and folders that are being written, by common programs. */
const PARTIAL = /~$|\.(?:part|partial|crdownload|tmp|filepart|download)$|^\.(?:in\.|~|pureftpd-upload|goutputstream-)/i;
/** rsync writes a file as `.name.Ab3dE6`; its folders have their own names. */
const PARTIAL_FILE = /^\..*\.[A-Za-z0-9]{6}$/;

const PATTERNS = [
  // recycle bins and snapshots
  /^\.(?:trash.*|recycle.*|snapshots?|zfs)$|^[#$]recycle(?:\.bin)?$/,
  // systems, file systems and network stores
  /^\.(?:_.*|ds_store|apple(?:db|desktop|double)|spotlight-v\d+|fseventsd|temporaryitems|documentrevisions-v\d+)$/,
  /^\.(?:nfs.*|fuse_hidden.*|volumeicon\.icns)$|^(?:system volume information|lost\+found|@eadir|__macosx|desktop\.ini)$/,
  // version control and synchronisation
  /^\.(?:git|svn|hg|st(?:folder|versions|ignore).*|sync.*|dropbox.*|owncloud.*|nextcloud.*)$/,
  // caches
  /^\.(?:cache|thumbnails|thumbs|picasa.*|lock)$|^thumbs\.db$/,
];

/** Whether something in a hot folder is no chapter by its name. Never rejects. */
export async function isForeign(path: string): Promise<boolean> {
  const name = basename(path);
  if (PARTIAL.test(name) || PATTERNS.some((pattern) => pattern.test(name.toLowerCase()))) return true;
  if (!PARTIAL_FILE.test(name)) return false;
  const info = await stat(path).catch(() => undefined);
  return info?.isDirectory() !== true;
}
